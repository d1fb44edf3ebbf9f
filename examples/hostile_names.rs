//! A simulated cloud whose names try to be more than names: markup, quotes, marks that turn the direction of text around. Prints
//! one line of JSON: the configuration with which `dbsession_exporter run` watches it, names that every page shows, and names
//! that the page of the instance shows. Serves until its input ends.

use std::io::{Write as _, stdout};

use dbsession_exporter::demo::Cloud;
use dbsession_exporter::demo::session::SimSession;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, stdin};

const MARKUP: &str = "<script>window.pwned=1</script>";
const QUOTES: &str = "\"><img src=x onerror='window.pwned=1'>";
const TURNED: &str = "\u{202e}nimda\u{2066} <b>bold</b> &amp; 'co'";
const ID: &str = "rm-<b>*\"'&amp;";

fn sessions() -> Vec<SimSession> {
    let names = [MARKUP, QUOTES, TURNED];
    let name = |at: usize| Some(names[at % names.len()].to_owned());
    (0..12)
        .map(|row| SimSession {
            id: row as u64 + 1,
            user: name(row),
            host: name(row + 1),
            database: name(row + 2),
            command: Some("Query".to_owned()),
            state: name(row),
            time: Some((7 * row).to_string()),
            trx_seconds: Some((9 * row).to_string()),
            sql: Some(format!("select * from `{MARKUP}` where name = 'Smith'")),
            ..SimSession::default()
        })
        .collect()
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let cloud = Cloud::start().await?;
    cloud.add_key("id", "secret", None);
    cloud.set_sessions(ID, sessions());
    let account = json!({
        "name": QUOTES, "provider": "alibaba", "endpoints": {"das": cloud.url()}, "rate_limit": {"das": "1000/s"},
        "credentials": {"access_key_id": "id", "access_key_secret": "secret"},
    });
    let instance = json!({"account": QUOTES, "id": ID, "name": MARKUP, "labels": {"team": TURNED}});
    // JSON is YAML, too.
    let configuration = json!({"global": {"interval": "5s", "expose_sql": "digest"}, "accounts": [account], "instances": [instance]});
    let told = json!({
        "configuration": configuration.to_string(),
        "everywhere": [MARKUP, QUOTES, ID],
        "instance": [TURNED, format!("from `{MARKUP}` where name = ?")],
    });
    writeln!(stdout(), "{told}")?;
    while stdin().read(&mut [0; 64]).await? > 0 {}
    cloud.shutdown().await;
    Ok(())
}
