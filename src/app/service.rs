//! What the daemon tells the service manager that started it, as `sd_notify(3)` has it. Nothing where no service manager asks
//! for it by `NOTIFY_SOCKET`.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// It serves, or goes on to serve after a reload.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its configuration again; [`ready`] has to follow. The time tells this reload from earlier ones.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// It is about to end.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How often [`alive`] has to be told: twice within the time after which the service manager gives the daemon up.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// Its loop still turns.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// A service manager that does not listen must not keep the daemon from its work.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager cannot be told");
    }
}
