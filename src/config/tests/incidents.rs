//! What counts as an incident, on each level of the file.

use std::time::Duration;

use super::{config, problems};
use crate::config::{Incidents, Settings};

const ACCOUNT: &str = "name: ali, provider: alibaba, credentials: {access_key_id: a, access_key_secret: b}";

/// The instance's setting, with these keys of `global`, the account and the instance.
fn incidents([global, account, instance]: [&str; 3]) -> Option<Incidents> {
    let file = format!(
        "global: {{{global}}}\naccounts: [{{{ACCOUNT}{account}}}]\ninstances: [{{account: ali, id: rm-1{instance}}}]\n"
    );
    config(&file).targets[0].settings.incidents
}

#[test]
fn they_are_on_by_default() {
    let default = incidents([""; 3]).expect("on");
    let Incidents { active_above, factor, cooldown, keep } = default;
    assert_eq!((active_above, factor.as_f64(), cooldown, keep), (50, 3.0, Duration::from_mins(5), 100));
    assert_eq!(Settings::DEFAULT.incidents, Some(default));
}

#[test]
fn each_level_changes_the_keys_that_it_gives() {
    let set = incidents([
        "incidents: {active_above: 7, keep: 3}",
        ", incidents: {factor: 1.5}",
        ", incidents: {cooldown: 10s}",
    ]);
    let Incidents { active_above, factor, cooldown, keep } = set.expect("on");
    assert_eq!((active_above, factor.as_f64(), cooldown, keep), (7, 1.5, Duration::from_secs(10), 3));
    assert_eq!(incidents(["incidents: off", "", ""]), None);
    assert_eq!(incidents(["", ", incidents: off", ""]), None);
    let on_again = incidents(["incidents: off", "", ", incidents: {active_above: 9}"]);
    assert_eq!(on_again.map(|it| (it.active_above, it.keep)), Some((9, 100)));
}

#[test]
fn what_cannot_be_is_named() {
    for (keys, path, hint) in [
        ("{factor: 0.5}", "incidents.factor: ", "from 1 to 1000"),
        ("{cooldown: 0s}", "incidents.cooldown: ", "not a duration"),
        ("{keep: 0}", "incidents.keep: ", "from 1 to 10000"),
        ("{active_above: lots}", "incidents.active_above: ", "expected a whole number"),
        ("{above: 50}", "incidents.above: unknown key", "active_above"),
        ("on", "incidents: ", "the word off or a map of keys"),
    ] {
        let found = problems(&format!("global: {{incidents: {keys}}}\naccounts: [{{{ACCOUNT}}}]\n"));
        let fits = found.len() == 1 && found[0].contains(path) && found[0].contains(hint);
        assert!(fits, "{keys}: {found:#?}");
    }
}
