//! Tells the program what it was built from: `DBSESSION_REVISION` and `DBSESSION_RUSTVERSION`.

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let rust = output(&rustc, &["--version"]).and_then(|line| line.split(' ').nth(1).map(str::to_owned));
    println!("cargo::rustc-env=DBSESSION_RUSTVERSION={}", rust.unwrap_or_default());

    // A package is built outside of the repository: whoever builds it names the revision.
    let revision =
        env::var("DBSESSION_REVISION").ok().or_else(|| output("git", &["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=DBSESSION_REVISION={}", revision.unwrap_or_default());
    println!("cargo::rerun-if-env-changed=DBSESSION_REVISION");
    if let Some(head) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={head}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
