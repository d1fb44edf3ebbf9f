//! Records the incidents of one target: what its good fetches mean is told to the log of incidents, and to the operator.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use crate::config::{self, Target};
use crate::exposition::IncidentCount;
use crate::model::Snapshot;
use crate::model::incident::{Detector, Stage, Trigger, Turn};
use crate::store::{Incident, Incidents, Moment, Outcome, TargetName};

/// What is remembered from fetch to fetch.
#[derive(Debug)]
pub(super) struct Recorder {
    incidents: Incidents,
    detector: Detector,
    /// Whether it is known what was recorded before this process.
    resumed: bool,
    /// The last fetch that was calm.
    calm: Option<(Arc<Snapshot>, Timestamp)>,
    /// The incident that is open, or that has ended and may go on.
    id: Option<u64>,
    /// The first of the fetches that may turn out to be its end.
    after: Option<Box<Moment>>,
    /// Incidents that have begun.
    total: u64,
}

impl Recorder {
    /// A recorder that writes to `incidents`.
    pub(super) fn new(incidents: Incidents) -> Self {
        Self {
            incidents,
            detector: Detector::default(),
            resumed: false,
            calm: None,
            id: None,
            after: None,
            total: 0,
        }
    }

    /// Incidents so far, and the open one; `None` where they are off.
    pub(super) fn count(&self, target: &Target) -> Option<IncidentCount> {
        let open = self.id.filter(|_| self.detector.is_open());
        target.settings.incidents.map(|_| IncidentCount { total: self.total, open })
    }

    /// A good fetch that ended `at` this time found `snapshot`, `elapsed` after the good one before.
    pub(super) fn fetched(
        &mut self,
        target: &Target,
        snapshot: &Arc<Snapshot>,
        elapsed: Duration,
        at: Timestamp,
    ) {
        let Some(settings) = target.settings.incidents else { return self.forget() };
        let Some(moment) = Moment::of(snapshot, at) else { return };
        self.resume(target, &settings, at);
        let level = self.detector.level().unwrap_or_default();
        match self.detector.observe(moment.active_sessions, elapsed, &trigger(&settings)) {
            Turn::Calm if self.id.is_none() => self.calm = Some((Arc::clone(snapshot), at)),
            Turn::Calm => {}
            Turn::Began => self.begin(target, &settings, level, (snapshot, moment)),
            Turn::GoesOn => self.go_on(snapshot, moment),
            Turn::Ended => self.end(target, moment),
            Turn::Reopened => self.reopen(target, snapshot, moment),
            Turn::Closed => {
                self.close(target);
                self.calm = Some((Arc::clone(snapshot), at));
            }
        }
    }

    /// The data are too old to be shown at the time `now`, since no fetch was good for long.
    pub(super) fn lost(&mut self, target: &Target, now: Timestamp) {
        let Some(settings) = target.settings.incidents else { return };
        self.resume(target, &settings, now);
        if self.detector.lose(&trigger(&settings)) {
            self.after = None;
            let ended =
                self.id.and_then(|id| self.incidents.change(id, |incident| incident.cut(Outcome::Lost)));
            ended.inspect(|incident| tell_end(target, incident));
        }
    }

    /// Takes up what was recorded before this process, once.
    fn resume(&mut self, target: &Target, settings: &config::Incidents, now: Timestamp) {
        if std::mem::replace(&mut self.resumed, true) {
            return;
        }
        let Some(latest) = self.incidents.latest_of(&TargetName::of(target)) else { return };
        let since =
            now.duration_since(latest.ended_at.unwrap_or(latest.last_seen_at)).max(SignedDuration::ZERO);
        let left = settings.cooldown.saturating_sub(since.unsigned_abs());
        let stage = match latest.ended_at {
            None if left.is_zero() => {
                let cut = |incident: &mut Incident| incident.cut(Outcome::Interrupted);
                self.incidents.change(latest.id, cut).inspect(|incident| tell_end(target, incident));
                Stage::Calm
            }
            None => Stage::Open(0),
            // What its level was so long ago says little of now.
            Some(_) if left.is_zero() => return,
            Some(_) => Stage::Cooling(left),
        };
        self.detector = Detector::resumed(latest.level, stage);
        self.id = (stage != Stage::Calm).then_some(latest.id);
    }

    fn forget(&mut self) {
        *self = Self { total: self.total, ..Self::new(self.incidents.clone()) };
    }

    fn begin(
        &mut self,
        target: &Target,
        settings: &config::Incidents,
        level: f64,
        first: (&Snapshot, Moment),
    ) {
        self.close(target);
        let before = self.calm.as_ref().map(|(snapshot, at)| (snapshot.as_ref(), *at));
        let incident = Incident::begun(target, level, before, first);
        let (active, user) = (first.1.active_sessions, incident.users.first().map(|user| user.name.clone()));
        let id = self.incidents.begin(incident, settings.keep);
        (self.id, self.after) = (Some(id), None);
        self.total += 1;
        let Target { instance_id, node_id, .. } = target;
        warn!(
            instance_id,
            node_id,
            incident = id,
            active,
            usual = format_args!("{level:.1}"),
            user,
            "an incident begins: far more active sessions than usual"
        );
    }

    fn go_on(&mut self, snapshot: &Snapshot, moment: Moment) {
        if self.detector.may_end() {
            self.after.get_or_insert_with(|| Box::new(moment));
        } else {
            self.after = None;
        }
        let before = self.calm.as_ref().map(|(snapshot, _)| snapshot.as_ref());
        if let Some(id) = self.id {
            self.incidents.change(id, |incident| incident.observe(before, snapshot, moment));
        }
    }

    /// The second calm fetch found `moment`; the first was the end.
    fn end(&mut self, target: &Target, moment: Moment) {
        let after = self.after.take().map_or(moment, |after| *after);
        let ended = self.id.and_then(|id| self.incidents.change(id, |incident| incident.end(after)));
        ended.inspect(|incident| tell_end(target, incident));
    }

    fn reopen(&mut self, target: &Target, snapshot: &Snapshot, moment: Moment) {
        self.id.and_then(|id| self.incidents.change(id, Incident::reopen));
        let Target { instance_id, node_id, .. } = target;
        debug!(instance_id, node_id, incident = self.id, "the incident goes on");
        self.go_on(snapshot, moment);
    }

    /// The incident that had ended will not go on.
    fn close(&mut self, target: &Target) {
        let closed = self.id.take().and_then(|id| self.incidents.get(id));
        if let Some(incident) = closed.filter(|incident| incident.reopened > 0) {
            let Target { instance_id, node_id, .. } = target;
            let Incident { id, reopened, peak, .. } = *incident;
            info!(
                instance_id,
                node_id,
                incident = id,
                reopened,
                peak = peak.active_sessions,
                seconds = incident.seconds(),
                "the incident is over, after several returns"
            );
        }
    }
}

fn trigger(settings: &config::Incidents) -> Trigger {
    let config::Incidents { active_above, factor, cooldown, .. } = *settings;
    Trigger { active_above, factor: factor.as_f64(), cooldown }
}

/// Loud the first time: a load that flaps must not flood the log.
fn tell_end(target: &Target, incident: &Incident) {
    let Target { instance_id, node_id, .. } = target;
    let Incident { id, reopened, peak, outcome, .. } = *incident;
    let (peak, outcome, seconds) = (peak.active_sessions, outcome.map(Outcome::label), incident.seconds());
    if reopened == 0 {
        info!(instance_id, node_id, incident = id, peak, seconds, outcome, "the incident has ended");
    } else {
        debug!(instance_id, node_id, incident = id, peak, seconds, outcome, "the incident has ended again");
    }
}
