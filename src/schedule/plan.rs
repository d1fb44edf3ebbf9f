//! How often the targets of one account and service can be fetched within its rate limit: pure arithmetic. The scheduler
//! lives by it, `check` prints it.

use std::time::Duration;

use crate::config::{Config, Provider, Rate, Service, Target};

/// The part of a rate limit that is planned. The rest is for retries, for fetches that grow, and so that a call seldom
/// waits: at full use every queue would only ever grow.
const PLANNED: f64 = 0.9;

/// Calls a second are added up in billionths, so that sums come out the same whatever their order.
const BILLION: f64 = 1e9;

/// A stretch this close to 1 is the rounding of billionths, of an interval of up to a day, and none at all. What it lets pass
/// is far less than what is not planned.
const ROUNDING: f64 = 5e-5;

/// Calls a second that can be planned under a rate limit.
#[must_use]
pub fn capacity(rate: Rate) -> f64 {
    per_second(rate) * PLANNED
}

/// Calls a second that a rate limit allows.
#[must_use]
pub fn per_second(rate: Rate) -> f64 {
    f64::from(rate.calls) / rate.per.as_secs_f64()
}

/// Calls of one fetch before anything is learnt. Alibaba Cloud: one to ask, one poll for a result that is ready within
/// half a second. Huawei Cloud: one page for each sweep.
#[must_use]
pub fn first_guess(target: &Target) -> f64 {
    match target.account.provider {
        Provider::Alibaba => 2.0,
        Provider::Huawei => {
            let filters = target.users.len() + target.databases.len();
            f64::from(u32::try_from(filters).unwrap_or(u32::MAX).max(1))
        }
    }
}

/// Calls a second that the provider documents as its limit. Alibaba Cloud DAS: 60 a second for the operation, region and
/// whole account (DAS quota page). Huawei Cloud DDM: 60 a minute for a user ("API constraints"). Huawei Cloud DAS
/// publishes none.
fn documented_quota(provider: Provider, service: Service) -> Option<f64> {
    match (provider, service) {
        (Provider::Alibaba, _) => Some(60.0),
        (Provider::Huawei, Service::Ddm) => Some(1.0),
        (Provider::Huawei, Service::Das) => None,
    }
}

/// What one target asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// Calls of one fetch.
    pub calls: f64,
    /// From one fetch to the next; more than zero.
    pub interval: Duration,
    /// A shorter interval that the target would like to have, if nobody else has to wait longer for it.
    pub wish: Option<Duration>,
}

impl Ask {
    /// Calls a second, and how many more the wish would take.
    #[must_use]
    pub fn load(&self) -> Load {
        let base = self.calls / self.interval.as_secs_f64();
        let wished = self.wish.map_or(base, |wish| self.calls / wish.as_secs_f64());
        Load { base: billionths(base), extra: billionths(wished).saturating_sub(billionths(base)) }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive, and far below 10 billion calls a second"
)]
fn billionths(calls_per_second: f64) -> u64 {
    (calls_per_second * BILLION).round() as u64
}

/// What several targets ask for together, in billionths of a call a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    base: u64,
    extra: u64,
}

impl Load {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { base: self.base + other.base, extra: self.extra + other.extra }
    }

    /// This one without a part of it.
    #[must_use]
    pub fn minus(self, part: Self) -> Self {
        Self { base: self.base.saturating_sub(part.base), extra: self.extra.saturating_sub(part.extra) }
    }

    /// Calls a second wanted, wishes included.
    #[must_use]
    pub fn wanted(self) -> f64 {
        self.base() + self.extra()
    }

    /// Calls a second after stretching.
    #[must_use]
    pub fn planned(self, capacity: f64) -> f64 {
        let terms = Terms::of(self, capacity);
        self.base() / terms.stretch + self.extra() * terms.granted
    }

    #[expect(clippy::cast_precision_loss, reason = "a billionth of a call more or less is nothing")]
    fn base(self) -> f64 {
        self.base as f64 / BILLION
    }

    #[expect(clippy::cast_precision_loss, reason = "a billionth of a call more or less is nothing")]
    fn extra(self) -> f64 {
        self.extra as f64 / BILLION
    }
}

/// On which terms the targets of one account and service are fetched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// What every interval is multiplied by; 1 where the capacity is enough.
    pub stretch: f64,
    /// The part of what is wished for that is granted, 0 to 1.
    pub granted: f64,
}

impl Terms {
    /// All intervals stretch evenly when the capacity is too small; wishes share what is left when it is not.
    #[must_use]
    pub fn of(load: Load, capacity: f64) -> Self {
        let left = (capacity - load.base()).max(0.0);
        let granted = if load.extra == 0 { 1.0 } else { (left / load.extra()).min(1.0) };
        let stretch = load.base() / capacity;
        Self { stretch: if stretch > 1.0 + ROUNDING { stretch } else { 1.0 }, granted }
    }

    /// The interval that a target gets.
    #[must_use]
    pub fn interval(self, ask: &Ask) -> Duration {
        let base = ask.interval.as_secs_f64().recip() / self.stretch;
        let wished =
            ask.wish.map_or(0.0, |wish| wish.as_secs_f64().recip() - ask.interval.as_secs_f64().recip());
        let fetches_per_second = base + wished.max(0.0) * self.granted;
        Duration::try_from_secs_f64(fetches_per_second.recip()).unwrap_or(Duration::MAX)
    }
}

/// What the targets of one account and service ask for together, and what they get.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Name of the account.
    pub account: String,
    /// Its cloud.
    pub provider: Provider,
    /// The service.
    pub service: Service,
    /// Targets.
    pub targets: usize,
    /// Calls a second, wanted.
    pub wanted: f64,
    /// What `rate_limit` allows here.
    pub rate: Rate,
    /// Processes that divide it.
    pub callers: u32,
    /// Calls a second that the provider documents as its quota.
    pub quota: Option<f64>,
    /// The shortest and the longest configured interval.
    pub intervals: (Duration, Duration),
    /// On which terms the targets are fetched.
    pub terms: Terms,
}

impl Demand {
    /// The smallest limit of all processes together, in the unit of the one that holds, that would stretch nothing here.
    #[must_use]
    pub fn enough(&self) -> Rate {
        let calls = (self.wanted / PLANNED * self.rate.per.as_secs_f64()).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive, finite number; a cast saturates"
        )]
        Rate { calls: (calls as u32).saturating_mul(self.callers), ..self.rate }
    }

    /// The shortest and the longest interval after stretching.
    #[must_use]
    pub fn stretched(&self) -> (Duration, Duration) {
        let (shortest, longest) = self.intervals;
        (shortest.mul_f64(self.terms.stretch), longest.mul_f64(self.terms.stretch))
    }
}

/// The demands of all accounts and services that have targets, in the order of the accounts.
#[must_use]
pub fn demands(config: &Config) -> Vec<Demand> {
    let services = |account| [Service::Das, Service::Ddm].map(|service| (account, service));
    let lanes = config.accounts.iter().flat_map(services);
    lanes.filter_map(|(account, service)| demand(config, &account.name, service)).collect()
}

fn demand(config: &Config, account: &str, service: Service) -> Option<Demand> {
    let of_lane = |target: &&Target| target.account.name == account && target.service == service;
    let targets: Vec<&Target> = config.targets.iter().map(AsRef::as_ref).filter(of_lane).collect();
    let account = &targets.first()?.account;
    let intervals = || targets.iter().map(|target| target.settings.interval);
    let ask =
        |target: &Target| Ask { calls: first_guess(target), interval: target.settings.interval, wish: None };
    let load = targets.iter().fold(Load::default(), |load, target| load.plus(ask(target).load()));
    let rate = account.rate(service);
    Some(Demand {
        account: account.name.clone(),
        provider: account.provider,
        service,
        targets: targets.len(),
        wanted: load.wanted(),
        rate,
        callers: config.division.as_ref().map_or(1, |division| division.count(&account.name, service)),
        quota: documented_quota(account.provider, service),
        intervals: (intervals().min()?, intervals().max()?),
        terms: Terms::of(load, capacity(rate)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asks() -> impl Strategy<Value = Vec<Ask>> {
        let wish = prop::option::of(1u64..60);
        let ask = (1u32..200, 1u64..600, wish).prop_map(|(calls, interval, wish)| Ask {
            calls: f64::from(calls),
            interval: Duration::from_secs(interval),
            wish: wish.filter(|wish| *wish < interval).map(Duration::from_secs),
        });
        prop::collection::vec(ask, 1..40)
    }

    fn terms(asks: &[Ask], capacity: f64) -> Terms {
        Terms::of(asks.iter().fold(Load::default(), |load, ask| load.plus(ask.load())), capacity)
    }

    fn intervals(asks: &[Ask], capacity: f64) -> Vec<Duration> {
        asks.iter().map(|ask| terms(asks, capacity).interval(ask)).collect()
    }

    fn used(asks: &[Ask], capacity: f64) -> f64 {
        let intervals = intervals(asks, capacity);
        asks.iter().zip(intervals).map(|(ask, interval)| ask.calls / interval.as_secs_f64()).sum()
    }

    /// Billionths are rounded.
    const NEARLY: f64 = 2.0 * ROUNDING;

    #[test]
    fn an_account_exactly_at_its_capacity_is_not_stretched() {
        for (targets, calls, interval, rate) in [
            (135, 2.0, 30, 10),
            (11, 9.0, 11, 10),
            (7, 9.0, 7, 10),
            (10_000, 9.0, 10_000, 10),
            (777_600, 1.0, 86_400, 10),
        ] {
            let ask = Ask { calls, interval: Duration::from_secs(interval), wish: None };
            let load = (0..targets).fold(Load::default(), |load, _| load.plus(ask.load()));
            let rate = Rate { calls: rate, per: Duration::from_secs(1) };
            let terms = Terms::of(load, capacity(rate));
            assert_eq!(terms.stretch.to_bits(), 1.0_f64.to_bits(), "{targets} targets");
            assert!(load.planned(capacity(rate)) < per_second(rate), "the limit is not reached");
            let more = Terms::of(load, capacity(rate) * 0.999);
            assert!(more.stretch > 1.0009, "what is more than rounding is stretched");
        }
    }

    proptest! {
        #[test]
        fn never_above_the_capacity(asks in asks(), capacity in 0.1f64..500.0) {
            prop_assert!(used(&asks, capacity) <= capacity * (1.0 + NEARLY));
        }

        #[test]
        fn no_capacity_is_left_while_somebody_would_use_it(asks in asks(), capacity in 0.1f64..500.0) {
            let content = asks.iter().zip(intervals(&asks, capacity)).all(|(ask, interval)| {
                interval.as_secs_f64() <= ask.wish.unwrap_or(ask.interval).as_secs_f64() * (1.0 + NEARLY)
            });
            prop_assert!(content || used(&asks, capacity) >= capacity * (1.0 - NEARLY));
        }

        #[test]
        fn more_capacity_makes_no_interval_longer(asks in asks(), capacity in 0.1f64..500.0, more in 1.0f64..10.0) {
            for (before, after) in intervals(&asks, capacity).iter().zip(intervals(&asks, capacity * more)) {
                prop_assert!(after.as_secs_f64() <= before.as_secs_f64() * (1.0 + NEARLY));
            }
        }

        #[test]
        fn one_more_target_makes_no_interval_shorter(asks in asks(), capacity in 0.1f64..500.0) {
            let fewer = &asks[..asks.len() - 1];
            for (with, without) in intervals(&asks, capacity).iter().zip(intervals(fewer, capacity)) {
                prop_assert!(with.as_secs_f64() >= without.as_secs_f64() * (1.0 - NEARLY));
            }
        }

        #[test]
        fn intervals_stretch_evenly_and_wishes_cost_nobody(asks in asks(), capacity in 0.1f64..500.0) {
            let calm: Vec<Ask> = asks.iter().map(|ask| Ask { wish: None, ..*ask }).collect();
            let stretch = terms(&calm, capacity).stretch;
            for ((ask, calm), interval) in asks.iter().zip(intervals(&calm, capacity)).zip(intervals(&asks, capacity)) {
                let factor = calm.as_secs_f64() / ask.interval.as_secs_f64();
                prop_assert!((factor / stretch - 1.0).abs() < NEARLY);
                prop_assert!(interval.as_secs_f64() <= calm.as_secs_f64() * (1.0 + NEARLY));
            }
        }

        #[test]
        fn what_is_taken_away_was_never_there(asks in asks(), other in asks()) {
            let load = |asks: &[Ask]| asks.iter().fold(Load::default(), |load, ask| load.plus(ask.load()));
            prop_assert_eq!(other.iter().fold(load(&asks).plus(load(&other)), |load, ask| load.minus(ask.load())), load(&asks));
        }
    }
}
