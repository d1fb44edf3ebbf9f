//! `healthcheck`: what it says of an exporter that is well, not ready, silent, or not there; and whose certificate it and
//! `kill-task watch` take.

use dbsession_exporter::demo::KillTask;

use super::certificate::{Authority, Validity};
use super::server::{LOCAL, Server};
use crate::program::{Finished, Invocation, Program};
use crate::scene::{self, Api, Scene};

async fn healthcheck(url: &str, more: &[&str]) -> Finished {
    let url = format!("--url={url}");
    Invocation::new(&[&["healthcheck", &url], more].concat()).finish().await
}

fn assert_failed(finished: &Finished, code: i32, words: &str) {
    assert!(finished.code == Some(code) && finished.stderr.contains(words), "{finished:?}");
}

#[tokio::test]
async fn it_tells_whether_the_exporter_runs_and_whether_it_is_ready() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1h");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "rm-1", 1);
    let program = Invocation::configured(&scene.file(), &["--web.enable-lifecycle"]).start().await;
    let url = format!("http://{}", program.address());
    let good = healthcheck(&url, &[]).await;
    assert_eq!((good.code, good.stdout.as_str(), good.stderr.as_str()), (Some(0), "", ""));
    assert_failed(&healthcheck(&url, &["--ready"]).await, 1, "503 Service Unavailable: Some targets");
    program.configure(&scene.file().replace("1h", "1s"));
    assert_eq!(program.reload().await.status, 200);
    program.scrape_fetched(&["rm-1"]).await;
    assert_eq!(healthcheck(&format!("{url}/"), &["--ready"]).await.code, Some(0));
    // As behind a route prefix that is not the exporter's.
    assert_failed(&healthcheck(&format!("{url}/prefix"), &[]).await, 1, "404 Not Found");
    program.stop().await;
    assert_failed(&healthcheck(&url, &[]).await, 1, "refused");
    assert_failed(&healthcheck("localhost:10104", &[]).await, 2, "expected a URL");
}

#[tokio::test]
async fn it_does_not_wait_for_ever() {
    let silent = Server::silent(LOCAL).await;
    assert_failed(&healthcheck(&format!("http://{}", silent.address), &[]).await, 1, "timed out");
}

#[tokio::test]
async fn on_this_machine_it_takes_any_certificate_and_elsewhere_a_good_one() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1h");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "rm-1", 1);
    let program = Program::start(&scene.file()).await;
    let ours = Authority::new("ours");
    let acceptor = ours.acceptor(&["exporter.example.com"], Validity::Past);
    let here = Server::tls_before(LOCAL, acceptor, program.address()).await;
    let finished = healthcheck(&here.https(), &[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");

    // An address of this machine by which it need not be this machine.
    let acceptor = ours.acceptor(&["0.0.0.0"], Validity::Present);
    let elsewhere = Server::tls_before(LOCAL, acceptor, program.address()).await;
    let url = format!("--url=https://0.0.0.0:{}", elsewhere.address.port());
    let ask = |more: &[&str]| {
        Invocation::new(&[&["healthcheck", &url], more].concat()).file("ours.pem", &ours.pem()).finish()
    };
    assert_failed(&ask(&[]).await, 1, "certificate");
    let finished = ask(&["--ca-file=ours.pem"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_failed(&ask(&["--ca-file=nowhere.pem"]).await, 2, "--ca-file: nowhere.pem cannot be used");
}

#[tokio::test]
async fn a_password_goes_only_to_who_proves_to_be_the_exporter() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1h");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "rm-1", 1);
    let program = Invocation::configured(&scene.file(), &["--web.enable-admin-api"]).start().await;
    let ours = Authority::new("ours");
    let acceptor = ours.acceptor(&["127.0.0.1"], Validity::Present);
    let server = Server::tls_before(LOCAL, acceptor, program.address()).await;
    cloud.set_kill_task("rm-1", "t", KillTask { state: "SUCCESS".to_owned(), ..KillTask::default() });
    let anybody = format!("--url={}", server.https());
    let known = anybody.replace("https://", "https://somebody:hidden@");
    let watch = ["kill-task", "watch", "ali", "rm-1", "t"];
    for command in [&["healthcheck"][..], &watch] {
        let ask = |url: &str, more: &[&str]| {
            let arguments = [command, &[url], more].concat();
            Invocation::new(&arguments).file("ours.pem", &ours.pem()).finish()
        };
        let refused = ask(&known, &[]).await;
        assert_failed(&refused, 1, "certificate");
        assert!(!refused.stderr.contains("hidden"), "{refused:?}");
        for (url, more) in [(&known, &["--ca-file=ours.pem"][..]), (&anybody, &[])] {
            let finished = ask(url, more).await;
            assert_eq!(finished.code, Some(0), "{finished:?}");
        }
    }
}
