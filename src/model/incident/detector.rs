//! Begin and end of incidents of one target, as a state machine over its good fetches.
//!
//! An incident begins when active sessions are above a fixed number and above a multiple of the target's own recent level.
//! It ends with the second good fetch in a row that finds them at most half way between that line and the level. What comes
//! within the cooldown of the end belongs to the same incident, so a load that flaps is one incident.
//!
//! The level is one of calm. It takes nothing in of the value that begins an incident, and while the incident lasts it
//! follows at a twelfth of its pace: a load that stays is the usual one after an hour or two, and the incident ends. Until
//! three good fetches have been seen there is no level, and nothing is an incident: to be busy is usual for a busy instance.

use std::time::Duration;

use crate::model::baseline::Baseline;

/// Good fetches from which alone the level is learnt.
const LEARNING: u8 = 3;

/// Good fetches in a row that end an incident: one may be chance.
const CALM_FETCHES: u8 = 2;

/// The level follows an incident at this part of its pace.
const SLOWED: u32 = 12;

/// What an incident is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trigger {
    /// No more active sessions than these are never one.
    pub active_above: u64,
    /// Times the level that active sessions must be above.
    pub factor: f64,
    /// What comes this soon after an incident belongs to it.
    pub cooldown: Duration,
}

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// No incident.
    Calm,
    /// An incident, whose last fetches were calm in this number.
    Open(u8),
    /// An incident has ended; for so long another one would be the same.
    Cooling(Duration),
}

/// What a good fetch means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// No incident.
    Calm,
    /// An incident begins.
    Began,
    /// The incident goes on.
    GoesOn,
    /// The incident has ended.
    Ended,
    /// The incident that had ended goes on.
    Reopened,
    /// The incident that had ended is over for good.
    Closed,
}

/// The detector of one target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    usual: Baseline,
    learnt: u8,
    stage: Stage,
}

impl Default for Detector {
    fn default() -> Self {
        Self { usual: Baseline::default(), learnt: 0, stage: Stage::Calm }
    }
}

impl Detector {
    /// A detector that goes on at a known level, as after a restart.
    #[must_use]
    pub fn resumed(level: f64, stage: Stage) -> Self {
        Self { usual: Baseline::at(level), learnt: LEARNING, stage }
    }

    /// The target's usual number of active sessions; `None`: not known yet.
    #[must_use]
    pub fn level(&self) -> Option<f64> {
        self.usual.level().filter(|_| self.learnt >= LEARNING)
    }

    /// Whether an incident is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Whether the last fetch of an open incident was calm, and the next may end it.
    #[must_use]
    pub fn may_end(&self) -> bool {
        matches!(self.stage, Stage::Open(1..))
    }

    /// A good fetch found `active` sessions, `elapsed` after the good one before.
    pub fn observe(&mut self, active: u64, elapsed: Duration, trigger: &Trigger) -> Turn {
        let active = as_f64(active);
        let line =
            self.level().map(|level| (level, (level * trigger.factor).max(as_f64(trigger.active_above))));
        let spikes = line.is_some_and(|(_, line)| active > line);
        let lasts = line.is_some_and(|(level, line)| active > f64::midpoint(level, line));
        self.usual_follows(active, elapsed, spikes);
        match self.stage {
            Stage::Open(calm) => self.open(if lasts { 0 } else { calm + 1 }, trigger),
            Stage::Cooling(left) if elapsed < left => self.cool(left.saturating_sub(elapsed), spikes),
            Stage::Calm | Stage::Cooling(_) if spikes => {
                self.stage = Stage::Open(0);
                Turn::Began
            }
            Stage::Cooling(_) => {
                self.stage = Stage::Calm;
                Turn::Closed
            }
            Stage::Calm => Turn::Calm,
        }
    }

    /// Nothing is known of the target any more; whether that ends an incident.
    pub fn lose(&mut self, trigger: &Trigger) -> bool {
        let open = self.is_open();
        if open {
            self.stage = Stage::Cooling(trigger.cooldown);
        }
        open
    }

    fn usual_follows(&mut self, active: f64, elapsed: Duration, spikes: bool) {
        match self.stage {
            Stage::Open(_) => self.usual.observe(active, elapsed / SLOWED),
            _ if spikes => {}
            _ => {
                self.usual.observe(active, elapsed);
                self.learnt = self.learnt.saturating_add(1);
            }
        }
    }

    fn open(&mut self, calm: u8, trigger: &Trigger) -> Turn {
        let ends = calm >= CALM_FETCHES;
        self.stage = if ends { Stage::Cooling(trigger.cooldown) } else { Stage::Open(calm) };
        if ends { Turn::Ended } else { Turn::GoesOn }
    }

    fn cool(&mut self, left: Duration, spikes: bool) -> Turn {
        self.stage = if spikes { Stage::Open(0) } else { Stage::Cooling(left) };
        if spikes { Turn::Reopened } else { Turn::Calm }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has that many sessions")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);
    const TRIGGER: Trigger = Trigger { active_above: 50, factor: 3.0, cooldown: Duration::from_mins(5) };

    fn turns(detector: &mut Detector, active: impl IntoIterator<Item = u64>) -> Vec<Turn> {
        active.into_iter().map(|active| detector.observe(active, INTERVAL, &TRIGGER)).collect()
    }

    fn calm_at(level: u64) -> Detector {
        let mut detector = Detector::default();
        assert_eq!(turns(&mut detector, [level; 3]), [Turn::Calm; 3]);
        detector
    }

    #[test]
    fn both_thresholds_must_be_passed() {
        for (level, calm, spike) in [(2, 50, 51), (30, 90, 91)] {
            assert_eq!(turns(&mut calm_at(level), [calm]), [Turn::Calm], "level {level}");
            assert_eq!(turns(&mut calm_at(level), [spike]), [Turn::Began], "level {level}");
        }
    }

    #[test]
    fn an_incident_ends_with_the_second_calm_fetch() {
        let mut detector = calm_at(10);
        let half_way = 31;
        let found = turns(&mut detector, [200, half_way, 60, 10, half_way, 10, 10, 10]);
        let expected = [Turn::Began, Turn::GoesOn, Turn::GoesOn, Turn::GoesOn, Turn::GoesOn, Turn::GoesOn];
        assert_eq!(found, [&expected[..], &[Turn::Ended, Turn::Calm]].concat());
    }

    #[test]
    fn what_comes_within_the_cooldown_is_the_same_incident() {
        let mut detector = calm_at(10);
        turns(&mut detector, [200, 10, 10]);
        let eight_calm = [[Turn::Calm; 8].as_slice(), &[Turn::Reopened]].concat();
        assert_eq!(turns(&mut detector, [[10; 8].as_slice(), &[200]].concat()), eight_calm);
        assert_eq!(turns(&mut detector, [10, 10]), [Turn::GoesOn, Turn::Ended]);
        let ten_calm = [[Turn::Calm; 9].as_slice(), &[Turn::Closed, Turn::Began]].concat();
        assert_eq!(turns(&mut detector, [[10; 10].as_slice(), &[200]].concat()), ten_calm);
    }

    #[test]
    fn before_there_is_a_level_nothing_is_an_incident() {
        assert_eq!(turns(&mut Detector::default(), [500, 500, 500, 500]), [Turn::Calm; 4]);
        assert_eq!(
            turns(&mut Detector::default(), [1, 1, 500, 1, 900]),
            [[Turn::Calm; 4].as_slice(), &[Turn::Began]].concat()
        );
    }

    #[test]
    fn a_load_that_stays_becomes_the_usual_one_after_an_hour_or_two() {
        for load in [100, 1000, 100_000] {
            let mut detector = calm_at(10);
            let lasted = turns(&mut detector, std::iter::repeat_n(load, 1000))
                .iter()
                .position(|turn| *turn == Turn::Ended)
                .unwrap();
            assert!((60..=300).contains(&lasted), "{load}: {lasted} fetches, each half a minute");
            assert!(
                turns(&mut detector, std::iter::repeat_n(load, 1000)).iter().all(|turn| *turn != Turn::Began)
            );
        }
    }

    #[test]
    fn loss_ends_an_incident_and_data_that_come_back_reopen_it() {
        let mut detector = calm_at(10);
        assert!(!detector.lose(&TRIGGER));
        turns(&mut detector, [200]);
        assert!(detector.lose(&TRIGGER) && !detector.lose(&TRIGGER));
        assert_eq!(turns(&mut detector, [200]), [Turn::Reopened]);
    }

    #[test]
    fn a_resumed_incident_ends_as_any_other() {
        let mut open = Detector::resumed(10.0, Stage::Open(0));
        assert_eq!(turns(&mut open, [200, 10, 10]), [Turn::GoesOn, Turn::GoesOn, Turn::Ended]);
        let mut cooling = Detector::resumed(10.0, Stage::Cooling(INTERVAL * 2));
        assert_eq!(turns(&mut cooling, [10, 200]), [Turn::Calm, Turn::Began]);
    }

    prop_compose! {
        fn trigger()(active_above in 0u64..200, factor in 1.0f64..6.0, cooldown in 1u64..900) -> Trigger {
            Trigger { active_above, factor, cooldown: Duration::from_secs(cooldown) }
        }
    }

    proptest! {
        /// Whatever the load does: an incident begins only above both thresholds, never within a cooldown of the end of the
        /// one before, and its turns come in an order that makes sense.
        #[test]
        fn turns_come_in_order(
            loads in proptest::collection::vec((0u64..1000, 1u64..400), 1..300), trigger in trigger(),
        ) {
            let (mut detector, mut open, mut cooling) = (Detector::default(), false, None::<Duration>);
            for (fetch, (active, seconds)) in loads.into_iter().enumerate() {
                let (elapsed, level) = (Duration::from_secs(seconds), detector.level());
                let since_end = cooling.map(|since| since + elapsed);
                let turn = detector.observe(active, elapsed, &trigger);
                match turn {
                    Turn::Began | Turn::Reopened => {
                        prop_assert!(!open && fetch >= usize::from(LEARNING));
                        prop_assert!(active > trigger.active_above && as_f64(active) > level.unwrap() * trigger.factor);
                        prop_assert_eq!(turn == Turn::Reopened, since_end.is_some_and(|since| since < trigger.cooldown));
                        (open, cooling) = (true, None);
                    }
                    Turn::GoesOn => prop_assert!(open),
                    Turn::Ended => {
                        prop_assert!(open);
                        (open, cooling) = (false, Some(Duration::ZERO));
                    }
                    Turn::Closed => {
                        prop_assert!(!open && since_end.is_some_and(|since| since >= trigger.cooldown));
                        cooling = None;
                    }
                    Turn::Calm => {
                        prop_assert!(!open);
                        cooling = since_end;
                    }
                }
                prop_assert_eq!(detector.is_open(), open);
                prop_assert!(detector.level().is_none_or(|level| (0.0..=1000.0).contains(&level)));
            }
        }

        /// However a load flaps between calm and storm, as long as each calm is shorter than the cooldown it is one incident; for
        /// some half an hour of storm, that is, since then it becomes usual.
        #[test]
        fn a_flapping_load_is_one_incident(
            flaps in proptest::collection::vec((1usize..4, 0usize..9), 1..20), level in 0u64..100,
        ) {
            let mut detector = calm_at(level);
            let storm = level * 10 + 51;
            let mut began = 0;
            for (storms, calms) in flaps {
                let loads = std::iter::repeat_n(storm, storms).chain(std::iter::repeat_n(level, calms));
                began += turns(&mut detector, loads).iter().filter(|turn| **turn == Turn::Began).count();
            }
            prop_assert_eq!(began, 1);
        }
    }
}
