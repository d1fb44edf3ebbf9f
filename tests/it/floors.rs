//! Holds the modules to their floors: each may use only modules on lower floors, or itself, and all of one module's files
//! count as that module. Reads the source files as text; knows nothing of what is in them.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top of the house to its ground: who stands on one floor does not know each other.
const FLOORS: [&[&str]; 7] = [
    &["main", "cli", "app", "report"],
    &["web", "demo"],
    &["schedule"],
    &["cloud", "store"],
    &["config", "exposition"],
    &["telemetry", "error"],
    &["model", "clock"],
];

/// On the top floor alone a module may know its neighbours, since together they are the composition root.
fn may_use(module: &str, used: &str) -> bool {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    match (floor(module), floor(used)) {
        (Some(above), Some(below)) => module == used || above < below || (above, below) == (0, 0),
        _ => false,
    }
}

/// The modules that `source` names by `crate::` or, in main.rs, by the name of the library; without comments and tests.
fn used(source: &str) -> Vec<String> {
    let production = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = production.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name = |rest: &str| rest.chars().take_while(|&c| c == '_' || c.is_ascii_alphanumeric()).collect();
    let paths =
        |line: &'static str| move |code: &str| code.split(line).skip(1).map(name).collect::<Vec<String>>();
    let (own, library) = (paths("crate::"), paths("dbsession_exporter::"));
    code.flat_map(|line| [own(line), library(line)].concat()).collect()
}

/// What breaks the rule in one file of `module`.
fn violations(module: &str, source: &str) -> Vec<String> {
    let forbidden = used(source).into_iter().filter(|used| !may_use(module, used));
    forbidden.map(|used| format!("{module} must not use {used:?}")).collect()
}

/// Every source file below `directory` that is no test.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("it is there").flatten().map(|entry| entry.path());
    let production = entries.filter(|path| path.file_stem().is_none_or(|stem| stem != "tests"));
    production.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn every_module_keeps_to_its_floor() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses = 0;
    for path in sources(&root) {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        let module = Path::new(&first).file_stem().unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&path).unwrap();
        if module != "lib" {
            assert_eq!(violations(&module, &source), Vec::<String>::new(), "in {}", path.display());
        }
        uses += used(&source).len();
    }
    assert!(uses > 50, "only {uses} uses were found: the files are read wrongly");
}

#[test]
fn a_look_upstairs_or_across_is_found() {
    for (module, line) in [
        ("model", "use crate::config::Config;"),
        ("cloud", "use crate::store::Store;"),
        ("store", "    crate::cloud::gate::Gate::default()"),
        ("web", "use crate::demo;"),
        ("config", "use crate::{model, error};"),
        ("attic", "use crate::model::Snapshot;"),
        ("cloud", "use crate::attic::Thing;"),
    ] {
        assert_eq!(violations(module, line).len(), 1, "{module}: {line}");
    }
    for (module, line) in [
        ("cloud", "use crate::cloud::gate::Gate;"),
        ("main", "use dbsession_exporter::app;"),
        ("app", "use crate::cli::Cli;"),
        ("model", "/// See [`crate::store`]."),
        ("model", "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}"),
    ] {
        assert_eq!(violations(module, line), Vec::<String>::new(), "{module}: {line}");
    }
}
