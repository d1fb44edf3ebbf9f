//! `docs/openapi.yaml` describes the API that there is: no path more, none less, and each of them answers. Whether the answers are
//! as it says, `tests/openapi.sh` asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::Invocation;
use crate::scene::{self, Api, Scene, of};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Methods by path.
fn described() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("docs/openapi.yaml")).expect("it is there");
    let description: Value = serde_yaml::from_str(&text).expect("it is YAML");
    let keys = |value: &Value| value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    let paths = description["paths"].as_object().expect("it has paths");
    paths.iter().map(|(path, methods)| (path.clone(), keys(methods))).collect()
}

/// Sources of the server.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("it is there").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn every_path_of_the_api_is_described_and_no_other() {
    let mut routes = BTreeSet::new();
    for path in sources(&root().join("src/web")) {
        let source = fs::read_to_string(path).expect("it can be read");
        let texts = source.split('"').filter(|text| text.starts_with("/api/v1/") && !text.contains("{*"));
        routes.extend(texts.map(str::to_owned));
    }
    assert_eq!(routes, described().into_keys().collect());
}

#[tokio::test]
async fn every_path_that_is_described_answers() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, incidents: {active_above: 10}");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "rm-1", 3);
    scene.entry("account: ali, id: pc-1, nodes: [pi-a]");
    cloud.set_sessions("pc-1/pi-a", scene::rows(3));
    let program = Invocation::configured(&scene.file(), &["--web.enable-admin-api"]).start().await;
    program.scrape_fetched(&["rm-1", "pc-1/pi-a"]).await;
    program.scrape_until("a level", |page| of(page, "rm-1", "dbsession_fetches_total") >= Some(4.0)).await;
    cloud.set_sessions("rm-1", scene::rows(40));
    program
        .scrape_until("an incident", |page| of(page, "rm-1", "dbsession_incident_active") == Some(1.0))
        .await;
    let task = r#"{"account": "ali", "instance": "rm-1", "task": "t-1"}"#;
    for (path, methods) in described() {
        let id = match path.as_str() {
            "/api/v1/incidents/{id}" => "1",
            _ if path.contains("{node}") => "pc-1",
            _ => "rm-1",
        };
        let asked = path.replace("{id}", id).replace("{node}", "pi-a").replace("{task}", "t-1");
        for method in methods {
            let (answer, good) = match method.as_str() {
                "get" => (program.get(&asked).await, 200),
                "post" => (program.post_json(&asked, task, &[]).await, 201),
                "delete" => (program.delete(&asked).await, 204),
                other => panic!("{path} has the method {other}"),
            };
            assert_eq!(answer.status, good, "{method} {asked}: {}", answer.body);
        }
    }
}
