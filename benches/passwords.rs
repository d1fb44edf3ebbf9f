//! What guessing costs others: scrapes by a user with the right password, alone and while a thousand wrong passwords a second
//! come in; the ratio of the two within one run. The program is the one that was built with the bench.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// What `htpasswd -C 10` takes, too.
const COST: u32 = 10;
const GUESSES_PER_SECOND: u64 = 1_000;
/// Connections of the guesser.
const GUESSERS: u64 = 20;
const SCRAPES: usize = 300;

/// The program, ended with the bench.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        // It has ended already, or it ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let web = directory.path().join("web.yml");
    let hash = bcrypt::hash("right", COST).expect("a cost that is one");
    std::fs::write(&web, format!("basic_auth_users: {{prometheus: {hash}}}\n")).expect("it can be written");
    let (_exporter, url) = start(directory.path(), &web);
    let client = Client::builder().no_proxy().build().expect("it needs nothing but loopback");
    // The first login is looked at, and the fleet has its first data.
    scrapes(&client, &url, 50).await;

    let alone = scrapes(&client, &url, SCRAPES).await;
    let guesses = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    for number in 0..GUESSERS {
        tokio::spawn(guess(client.clone(), url.clone(), number, guesses.clone()));
    }
    sleep(Duration::from_secs(2)).await;
    let (began, before) = (Instant::now(), guesses.each_ref().map(|count| count.load(Ordering::Relaxed)));
    let crowded = scrapes(&client, &url, SCRAPES).await;
    let took = began.elapsed().as_secs_f64();
    let [all, looked_at] = [0, 1].map(|kind| guesses[kind].load(Ordering::Relaxed) - before[kind]);
    for (name, percentile) in [("median", 50), ("95 %", 95)] {
        let [alone, crowded] =
            [&alone, &crowded].map(|times| times[times.len() * percentile / 100].as_secs_f64());
        println!(
            "{name}: {:.2} ms alone, {:.2} ms under guesses: {:.2} x",
            alone * 1e3,
            crowded * 1e3,
            crowded / alone
        );
    }
    println!("{:.0} guesses a second, {:.0} of them looked at", per(all, took), per(looked_at, took));
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn per(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn start(directory: &std::path::Path, web: &std::path::Path) -> (Exporter, String) {
    let log = directory.join("log");
    let child = Command::new(env!("CARGO_BIN_EXE_dbsession_exporter"))
        .args(["demo", "--instances=20", "--web.listen-address=127.0.0.1:0"])
        .arg(format!("--web.config.file={}", web.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut exporter = Exporter(child.expect("it was built"));
    let mut lines =
        BufReader::new(exporter.0.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.split_once("address=")?.1.to_owned())).expect("it listens");
    // What it says further goes to a file, so that it never waits for a reader.
    let mut rest = File::create(log).expect("it can be written");
    std::thread::spawn(move || {
        lines.try_for_each(|line| std::io::Write::write_all(&mut rest, line.as_bytes()))
    });
    (exporter, format!("http://{address}/metrics"))
}

/// Durations of so many scrapes, one after the other with a pause, in ascending order.
async fn scrapes(client: &Client, url: &str, number: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(number);
    for _ in 0..number {
        let began = Instant::now();
        let answer =
            client.get(url).basic_auth("prometheus", Some("right")).send().await.expect("it answers");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("the page arrives whole");
        times.push(began.elapsed());
        sleep(Duration::from_millis(10)).await;
    }
    times.sort_unstable();
    times
}

/// Sends its share of wrong passwords for ever, each another one.
async fn guess(client: Client, url: String, number: u64, [all, looked_at]: [Arc<AtomicU64>; 2]) {
    let mut tick = interval(Duration::from_micros(1_000_000 * GUESSERS / GUESSES_PER_SECOND));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for guess in 0_u64.. {
        tick.tick().await;
        let password = format!("{number}-{guess}");
        let request = client.get(&url).basic_auth("prometheus", Some(password)).send();
        if let Ok(answer) = request.await {
            all.fetch_add(1, Ordering::Relaxed);
            looked_at.fetch_add(u64::from(answer.status() == 401), Ordering::Relaxed);
        }
    }
}
