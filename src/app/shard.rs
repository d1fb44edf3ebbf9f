//! Which of several processes this one is, as the flags or the name of its pod say.

use std::{env, fs};

use super::Failure;
use crate::cli::Sharding;
use crate::config::{MAX_SHARDS, Shard};

/// Where Linux tells the name of the machine, which in a container is that of its pod.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The shard, or what is wrong with the flags.
pub(super) fn of(flags: &Sharding) -> Result<Shard, Failure> {
    chosen(flags, pod_name).map_err(|problem| Failure::Usage(vec![problem]))
}

fn chosen(flags: &Sharding, pod_name: impl FnOnce() -> Option<String>) -> Result<Shard, String> {
    let (index, source) = match (flags.shard, flags.shard_from_pod_name) {
        (Some(_), true) => {
            return Err("--shard and --shard-from-pod-name exclude each other: give one of them".to_owned());
        }
        (None, false) if flags.total_shards.is_some() => {
            return Err("--total-shards needs --shard or --shard-from-pod-name".to_owned());
        }
        (None, false) => return Ok(Shard::ALONE),
        (Some(index), false) => (index, "--shard".to_owned()),
        (None, true) => {
            let pod = pod_name().unwrap_or_default();
            let problem = || {
                format!(
                    "the name {pod:?} does not end in the ordinal of a pod, like dbsession-0: set POD_NAME, or use --shard"
                )
            };
            (ordinal(&pod).ok_or_else(problem)?, format!("the ordinal of pod {pod}"))
        }
    };
    let flag = if flags.shard_from_pod_name { "--shard-from-pod-name" } else { "--shard" };
    let total = flags.total_shards.ok_or_else(|| format!("{flag} needs --total-shards"))?;
    if !(1..=MAX_SHARDS).contains(&total) {
        return Err(format!("--total-shards must be a number from 1 to {MAX_SHARDS}"));
    }
    let problem = || format!("{source} is {index}, but --total-shards={total} has shards 0 to {}", total - 1);
    Shard::new(index, total).ok_or_else(problem)
}

/// `POD_NAME` where the operator hands it on, else the host name, which is the pod's unless it shares the network of its node.
fn pod_name() -> Option<String> {
    let given = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let machine = || fs::read_to_string(HOST_NAME).ok().map(|name| name.trim().to_owned());
    given("POD_NAME").or_else(|| given("HOSTNAME")).or_else(machine)
}

fn ordinal(pod: &str) -> Option<u32> {
    let (_, ordinal) = pod.rsplit_once('-')?;
    ordinal.parse().ok().filter(|_| ordinal.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn only_a_number_behind_the_last_hyphen_is_an_ordinal() {
        for (pod, expected) in [
            ("dbsession-0", Some(0)),
            ("dbsession-exporter-17", Some(17)),
            ("dbsession-7d9f8b6c5-x2k4q", None),
            ("dbsession-+1", None),
            ("dbsession-", None),
            ("dbsession", None),
            ("", None),
        ] {
            assert_eq!(ordinal(pod), expected, "{pod:?}");
        }
    }
}
