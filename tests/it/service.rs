//! What the service manager is told: when the daemon serves, reloads, lives and ends.

use std::time::Duration;

use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::program::Invocation;
use crate::scene::{self, Api, Scene};

/// No message takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// The next message that is no sign of life.
async fn told(manager: &UnixDatagram) -> String {
    loop {
        let message = next(manager).await;
        if message != "WATCHDOG=1\n" {
            return message;
        }
    }
}

async fn next(manager: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let received = timeout(PATIENCE, manager.recv(&mut message)).await;
    let length = received.expect("the manager is told something").expect("a socket can be read");
    String::from_utf8_lossy(&message[..length]).into_owned()
}

#[tokio::test]
async fn the_service_manager_knows_how_the_daemon_is() {
    let cloud = scene::cloud().await;
    let mut scene = Scene::new("interval: 1s");
    scene.account(&cloud, Api::Alibaba, "ali").instance(&cloud, Api::Alibaba, "ali", "rm-1", 1);
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let socket = directory.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("a socket can be made there");
    let invocation = Invocation::configured(&scene.file(), &["--config.auto-reload-interval=0s"])
        .environment("NOTIFY_SOCKET", &socket.to_string_lossy())
        .environment("WATCHDOG_USEC", "200000");
    let program = invocation.start().await;
    assert_eq!(told(&manager).await, "READY=1\n");
    for _ in 0..3 {
        assert_eq!(next(&manager).await, "WATCHDOG=1\n", "its loop turns");
    }
    // A bad configuration is refused, but the reload has ended all the same.
    for yaml in [scene.file(), "instances: oops".to_owned()] {
        program.configure(&yaml);
        program.signal("HUP");
        let began = told(&manager).await;
        let at = began
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|at| at.trim_end().parse::<u64>().ok());
        assert!(at > Some(0), "{began:?}");
        assert_eq!(told(&manager).await, "READY=1\n");
    }
    program.signal("TERM");
    assert_eq!(told(&manager).await, "STOPPING=1\n");
    assert_eq!(program.finished().await.code, Some(0));
}

#[tokio::test]
async fn a_service_manager_that_does_not_listen_is_no_trouble() {
    let invocation = Invocation::configured("instances: []", &[]);
    let program = invocation.environment("NOTIFY_SOCKET", "/nowhere/notify").start().await;
    assert_eq!(program.get("/-/healthy").await.status, 200);
    assert_eq!(program.stop().await.code, Some(0));
}
