//! Pages for people as they arrive: what they show, where they lead, and what they tell a browser to refuse.

use dbsession_exporter::demo::{Cloud, Fault};

use crate::program::{Invocation, Program};
use crate::scene::{self, Api, Scene, is_up};

/// One good instance.
async fn fleet() -> (Cloud, Scene) {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s, timeout: 30s");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "well", 2);
    (cloud, scene)
}

/// Where the links of a page, and all that it loads, lead.
fn links(page: &str) -> Vec<&str> {
    let after = page.split("href=\"").skip(1);
    after.map(|rest| rest.split('"').next().expect("an end")).collect()
}

#[tokio::test]
async fn the_page_for_people_shows_every_target_and_escapes_every_name() {
    const NAME: &str = "<script>alert('1')</script> & \\\"co\\\"";
    let (cloud, mut scene) = fleet().await;
    scene.entry(&format!("account: ali, id: rm-hostile, name: \"{NAME}\""));
    scene.entry("account: ali, id: \"<b>*</b>\"".replace('/', "").as_str());
    scene.instance(&cloud, Api::Alibaba, "ali", "waiting", 2);
    cloud.set_fault("waiting", Some(Fault::Hang));
    let program = Program::start(&scene.file()).await;
    program
        .scrape_until("both outcomes", |page| {
            is_up(page, "well") == Some(true) && is_up(page, "rm-hostile") == Some(false)
        })
        .await;
    let page = program.get("/").await.body;
    let row = |id: &str| {
        page.split("<tbody").find(|row| row.contains(id)).unwrap_or_else(|| panic!("{id}\n{page}"))
    };
    let (well, hostile, waiting) = (row("well"), row("rm-hostile"), row("waiting"));
    assert!(well.contains(">up<") && well.contains(">2<"), "{well}");
    assert!(hostile.contains(">down<") && hostile.contains("never"), "{hostile}");
    assert!(hostile.contains("not_found") && hostile.contains("InstanceNotFound"), "{hostile}");
    assert!(waiting.contains(">pending<") && waiting.contains("never"), "{waiting}");
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    assert!(hostile.contains("&#60;script&#62;") || hostile.contains("&lt;script&gt;"), "{hostile}");
}

/// The program with the flags `flags`; the paths that answer with 200, and the links of its first page.
async fn served(flags: &[&str], paths: [&str; 5]) -> (Program, String) {
    let (_cloud, scene) = fleet().await;
    let program = Invocation::configured(&scene.file(), flags).start().await;
    for path in paths {
        assert_eq!(program.get(path).await.status, 200, "{flags:?}: {path}");
    }
    let page = program.get(paths[0]).await.body;
    (program, page)
}

#[tokio::test]
async fn everything_is_below_the_prefix_and_the_root_leads_there() {
    for flag in ["--web.external-url=https://example.com/db/", "--web.route-prefix=db"] {
        let (program, page) =
            served(&[flag], ["/db/", "/db", "/db/metrics", "/db/-/healthy", "/db/api/v1/kill-tasks"]).await;
        let root = program.get("/").await;
        assert_eq!((root.status, root.header("location")), (303, "/db/"), "{root:?}");
        assert_eq!(program.get("/metrics").await.status, 404);
        let links = links(&page);
        assert!(links.len() > 4, "{page}");
        for link in links {
            assert!(link.starts_with("/db/"), "{link}");
            assert_eq!(program.get(link).await.status, 200, "{link}");
        }
    }
}

#[tokio::test]
async fn links_begin_with_what_a_proxy_takes_away() {
    let flags = ["--web.external-url=/seen", "--web.route-prefix=/", "--web.telemetry-path=/deep/metrics"];
    let (program, page) =
        served(&flags, ["/", "/deep/metrics", "/-/healthy", "/sd", "/api/v1/kill-tasks"]).await;
    let links = links(&page);
    assert!(links.contains(&"/seen/deep/metrics"), "{links:?}");
    for link in links {
        let served = link.strip_prefix("/seen").unwrap_or_else(|| panic!("{link}"));
        assert_eq!(program.get(served).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn nothing_on_a_page_may_act_and_what_it_loads_is_kept() {
    let (_cloud, scene) = fleet().await;
    let program = Program::start(&scene.file()).await;
    let home = program.get("/").await;
    let policy = home.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert!(!home.body.contains(" style=") && !home.body.contains("<style"), "{}", home.body);
    for path in ["/", "/metrics", "/nowhere"] {
        let answer = program.get(path).await;
        let told = [answer.header("x-content-type-options"), answer.header("content-security-policy")];
        assert_eq!(told, ["nosniff", policy], "{path}");
    }
    let assets: Vec<_> = links(&home.body).into_iter().filter(|link| link.contains("/assets/")).collect();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for asset in assets {
        let answer = program.get(asset).await;
        assert!(answer.header("cache-control").contains("immutable"), "{asset}: {answer:?}");
    }
}
