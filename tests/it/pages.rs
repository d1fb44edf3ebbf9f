//! Pages for people as they arrive: what they show, where they lead, and what they tell a browser to refuse.

use dbsession_exporter::demo::session::SimSession;
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

/// The ids of a fleet's rows, in their order.
fn ids(page: &str) -> Vec<&str> {
    let rows = page.split("<th scope=\"row\"><a href=\"/instances/").skip(1);
    rows.map(|row| row.split('"').next().expect("an end")).collect()
}

/// What a number of the page reads, and what it is exactly.
fn number(told: &str, exact: &str) -> String {
    format!("<data value=\"{exact}\">{told}</data>")
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
    assert!(well.contains(">up<") && well.contains(&number("2", "2")), "{well}");
    assert!(hostile.contains(">down<") && hostile.contains("–"), "{hostile}");
    assert!(hostile.contains("not_found") && hostile.contains("InstanceNotFound"), "{hostile}");
    assert!(waiting.contains(">pending<") && waiting.contains("–"), "{waiting}");
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

/// Three instances of 1, 2 and 3 sessions in the order of their ids, and one that fails.
async fn several() -> (Cloud, Program) {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s");
    scene.account(&cloud, Api::Alibaba, "ali");
    for (id, sessions) in [("b2", 2), ("c3", 3), ("a1", 1)] {
        cloud.set_sessions(id, scene::rows(sessions));
        scene.entry(&format!("account: ali, id: {id}, labels: {{team: team-{sessions}}}"));
    }
    scene.entry("account: ali, id: gone");
    let program = Program::start(&scene.file()).await;
    program.scrape_fetched(&["a1", "b2", "c3", "gone"]).await;
    (cloud, program)
}

#[tokio::test]
async fn the_fleet_is_sorted_and_filtered_as_asked() {
    let (_cloud, program) = several().await;
    for (query, order) in [
        ("", "b2 c3 a1 gone"),
        ("?sort=name", "a1 b2 c3 gone"),
        ("?sort=name&order=desc", "gone c3 b2 a1"),
        ("?sort=total", "c3 b2 a1 gone"),
        ("?sort=total&order=asc", "a1 b2 c3 gone"),
        ("?sort=oldest", "b2 c3 a1 gone"),
        ("?sort=nonsense&order=up&page=x", "b2 c3 a1 gone"),
        ("?q=TEAM%3Dteam-3", "c3"),
        ("?q=state%3Aup+ali&sort=name", "a1 b2 c3"),
        ("?q=not_found", "gone"),
        ("?q=%22%3E%3Cscript%3E", ""),
    ] {
        let answer = program.get(&format!("/{query}")).await;
        assert_eq!((answer.status, ids(&answer.body).join(" ").as_str()), (200, order), "{query}");
        assert!(!answer.body.contains("<script"), "{query}: {}", answer.body);
        for link in links(&answer.body) {
            assert_eq!(program.get(&link.replace("&#38;", "&")).await.status, 200, "{query}: {link}");
        }
    }
    let page = program.get("/?sort=total&q=state:up").await.body;
    assert!(page.contains("aria-sort=\"descending\"") && page.contains("sort=total&#38;order=asc"), "{page}");
    assert!(page.contains("3 of 4 targets") && page.contains("value=\"state:up\""), "{page}");
}

#[tokio::test]
async fn a_large_fleet_comes_by_pages() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1h");
    scene.account(&cloud, Api::Alibaba, "ali");
    for number in 0..600 {
        scene.entry(&format!("account: ali, id: rm-{number:03}"));
    }
    let program = Program::start(&scene.file()).await;
    let mut seen = Vec::new();
    let mut next = Some("/?sort=name&order=desc".to_owned());
    while let Some(path) = next {
        let page = program.get(&path).await.body;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let link = page.split("\" rel=\"next\"").next().filter(|before| before.len() < page.len());
        next = link.and_then(|before| before.rsplit("href=\"").next()).map(|link| link.replace("&#38;", "&"));
    }
    let all: Vec<_> = (0..600).rev().map(|number| format!("rm-{number:03}")).collect();
    assert_eq!(seen, all);
    assert_eq!(ids(&program.get("/?page=99").await.body).len(), 100, "the last page");
}

#[tokio::test]
async fn the_page_of_an_instance_says_who_it_is() {
    let (cloud, mut scene) = fleet().await;
    scene.entry("account: ali, id: rm-locked, name: shop, labels: {team: pay}");
    let text = |text: &str| Some(text.to_owned());
    let sleeper = SimSession {
        id: 77,
        user: text("settlement"),
        host: text("10.9.9.9:1"),
        database: text("ledger"),
        command: text("Sleep"),
        time: text("700"),
        trx_seconds: text("725"),
        ..SimSession::default()
    };
    let rows = [scene::rows(4), vec![sleeper]].concat();
    cloud.set_sessions("rm-locked", rows);
    let program = Program::start(&scene.file()).await;
    program.scrape_fetched(&["rm-locked"]).await;
    let page = program.get("/instances/rm-locked").await.body;
    for part in [
        "<h1><bdi>shop</bdi>",
        "<bdi>team=pay</bdi>",
        "user <bdi class=\"name\">app</bdi> has",
        &format!("Oldest transaction: {}", number("12m 05s", "725")),
        "<bdi class=\"name\">settlement</bdi> from <bdi class=\"name\">10.9.9.9</bdi> in <bdi class=\"name\">ledger</bdi>",
        "idle in transaction",
        "session <bdi>77</bdi>",
        &format!("title=\"dbsession_sessions\">total</dt><dd>{}", number("5", "5")),
        "<desc id=\"sessions-story\">From ",
        "href=\"/probe?target=rm-locked\"",
        "href=\"/api/v1/instances/rm-locked\"",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.contains("card from customers"), "no SQL is shown");
}

#[tokio::test]
async fn statements_are_shown_without_literals_where_it_is_wanted() {
    let (cloud, scene) = fleet().await;
    let sql = Some("select card from customers where name = 'Smith'".to_owned());
    cloud.set_sessions(
        "well",
        scene::rows(1).into_iter().map(|row| SimSession { sql: sql.clone(), ..row }).collect(),
    );
    let program =
        Program::start(&scene.file().replace("interval: 1s", "interval: 1s, expose_sql: digest")).await;
    program.scrape_until("the first data", |page| is_up(page, "well") == Some(true)).await;
    let page = program.get("/instances/well").await.body;
    assert!(page.contains("<bdi>select card from customers where name = ?</bdi>"), "{page}");
    assert!(!page.contains("Smith"), "{page}");
}

#[tokio::test]
async fn an_instance_without_data_says_why_and_its_picture_has_a_gap() {
    let (cloud, scene) = fleet().await;
    let program =
        Program::start(&scene.file().replace("interval: 1s", "interval: 1s, stale_after: 1s")).await;
    program.scrape_until("the first data", |page| is_up(page, "well") == Some(true)).await;
    cloud.remove_instance("well");
    program.scrape_until("the withdrawal", |page| scene::data(page, "well").is_empty()).await;
    let page = program.get("/instances/well").await.body;
    for part in ["too old to be shown", "not_found", "class=\"gap\"", "class=\"state down\""] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[tokio::test]
async fn a_cluster_lists_its_nodes_and_what_is_not_there_is_not_found() {
    let (cloud, mut scene) = fleet().await;
    scene.entry("account: ali, id: pc-1, name: cluster, nodes: [pi-a, pi-b]");
    for node in ["pc-1/pi-a", "pc-1/pi-b"] {
        cloud.set_sessions(node, scene::rows(3));
    }
    let program = Program::start(&scene.file()).await;
    program.scrape_fetched(&["pc-1/pi-a", "pc-1/pi-b"]).await;
    let nodes = program.get("/instances/pc-1").await;
    assert_eq!((nodes.status, ids(&nodes.body)), (200, vec!["pc-1/pi-a", "pc-1/pi-b"]));
    assert!(program.get("/instances/pc-1/pi-b").await.body.contains("<bdi>cluster pi-b</bdi>"));
    for path in
        ["/instances/nowhere", "/instances/pc-1/pi-c", "/instances/well/pi-a", "/instances/%3Cscript%3E"]
    {
        let answer = program.get(path).await;
        assert!(answer.status == 404 && answer.body.contains("configured"), "{path}: {answer:?}");
        assert!(!answer.body.contains("<script"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_as_it_is_in_force() {
    let (_cloud, mut scene) = fleet().await;
    let program = Invocation::configured(&scene.file(), &["--web.enable-lifecycle"]).start().await;
    let shown = program.get("/config").await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(
        shown.body.contains("access_key_secret: <secret>") && !shown.body.contains("ali-secret"),
        "{shown:?}"
    );
    assert!(
        shown.body.contains("  timeout: 30s\n  ") && shown.body.contains("max_pages: 200\n"),
        "{shown:?}"
    );

    scene.entry("account: ali, id: another");
    program.configure(&scene.file());
    assert_eq!(program.reload().await.status, 200);
    let new = program.get("/config").await.body;
    assert!(new.contains("id: another\n"), "{new}");
    program.configure("global: {interval: soon}");
    assert_eq!(program.reload().await.status, 500);
    assert_eq!(program.get("/config").await.body, new, "what is refused is not shown");
}
