//! The walk over the page: family by family, subject by subject, cut into frames. Only one frame's text exists at a
//! time, so that a slow reader holds snapshots that others share, and not a page of its own.

use bytes::Bytes;
use prometheus::proto::MetricFamily;

use super::families::Read;
use super::format::{Format, Pass, Samples, Section};
use super::own;
use super::view::{PageInput, TargetView};
use crate::model::Snapshot;
use crate::model::snapshot::Listed;

/// Length of every frame but the last, which may be shorter: large enough that the cost of handing one on vanishes,
/// small enough that a thousand slow readers fit in memory.
pub const FRAME_BYTES: usize = 64 * 1024;

/// Subjects whose data are loaded before the first of them is written.
const AHEAD: usize = 16;

/// Room for a frame and what one subject's family usually adds beyond it.
const CAPACITY: usize = FRAME_BYTES + 8 * 1024;

/// Writes a page, each frame when it is asked for.
pub fn page(mut input: PageInput, format: Format) -> impl Iterator<Item = Bytes> + Send + 'static {
    let own = std::mem::take(&mut input.own).into_iter();
    let mysqld_names = input.targets.iter().any(|target| target.mysqld_names);
    let sections = Section::all(format, mysqld_names).collect();
    Frames { input, format, sections, section: 0, subject: 0, own, ended: false, text: Vec::new() }
}

/// How many series `input` has, apart from the exporter's own. Nothing is written for it.
#[must_use]
pub fn count_series(input: &PageInput) -> usize {
    let mysqld_names = input.targets.iter().any(|target| target.mysqld_names);
    let mut text = Vec::new();
    let count = |mut section| {
        (0..).map_while(|subject| visit(input, subject, &mut section, Pass::Load, &mut text)).sum::<usize>()
    };
    Section::all(Format::Text, mysqld_names).map(count).sum()
}

struct Frames<O> {
    input: PageInput,
    format: Format,
    sections: Vec<Section>,
    /// The section that is being written, and the subject that is next in it.
    section: usize,
    subject: usize,
    own: O,
    /// All is written.
    ended: bool,
    /// Written, but not handed out.
    text: Vec<u8>,
}

impl<O: Iterator<Item = MetricFamily>> Iterator for Frames<O> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.text.len() < FRAME_BYTES && self.step().is_some() {}
        let mut rest = Vec::new();
        if let Some(beyond) = self.text.get(FRAME_BYTES..) {
            // Only now is it a long page: that of a single target needs a fraction of a frame.
            rest.reserve(CAPACITY);
            rest.extend_from_slice(beyond);
            self.text.truncate(FRAME_BYTES);
        }
        let frame = std::mem::replace(&mut self.text, rest);
        (!frame.is_empty()).then(|| Bytes::from(frame))
    }
}

impl<O: Iterator<Item = MetricFamily>> Frames<O> {
    /// Writes what comes next; `None` at the end of the page.
    fn step(&mut self) -> Option<()> {
        let Some(section) = self.sections.get_mut(self.section) else {
            return self.step_own();
        };
        if self.subject.is_multiple_of(AHEAD) {
            for subject in self.subject..self.subject + AHEAD {
                if visit(&self.input, subject, section, Pass::Load, &mut self.text).is_none() {
                    break;
                }
            }
        }
        if visit(&self.input, self.subject, section, Pass::Write, &mut self.text).is_some() {
            self.subject += 1;
        } else {
            self.section += 1;
            self.subject = 0;
        }
        Some(())
    }

    fn step_own(&mut self) -> Option<()> {
        match self.own.next() {
            Some(family) => own::write(&family, self.format, &mut self.text),
            None if self.ended => return None,
            None => {
                self.text.extend_from_slice(self.format.end().as_bytes());
                self.ended = true;
            }
        }
        Some(())
    }
}

/// Loads or writes what one subject has in a section; how many samples these are, `None` where there is no such subject.
fn visit(
    input: &PageInput,
    subject: usize,
    section: &mut Section,
    pass: Pass,
    text: &mut Vec<u8>,
) -> Option<usize> {
    let read = section.family.read;
    let samples = Samples::new(pass, text, section);
    match read {
        Read::Target(read) => {
            let target = input.targets.get(subject)?;
            Some(samples.of(&target.labels, |out| read(target, out)))
        }
        Read::Snapshot(read) => {
            let target = input.targets.get(subject)?;
            let Some(snapshot) = &target.snapshot else { return Some(0) };
            Some(samples.of(&target.labels, |out| read(snapshot, out)))
        }
        Read::Listed(read) => {
            let target = input.targets.get(subject)?;
            let Some((snapshot, listed)) = listed(target) else { return Some(0) };
            Some(samples.of(&target.labels, |out| read(snapshot, listed, out)))
        }
        Read::Task(read) => {
            let task = input.tasks.get(subject)?;
            Some(samples.of(&task.labels, |out| read(task, out)))
        }
        Read::TaskCounters(read) => {
            let counters = input.task_counters.get(subject)?;
            Some(samples.of(&counters.labels, |out| read(counters, out)))
        }
    }
}

fn listed(target: &TargetView) -> Option<(&Snapshot, &Listed)> {
    let snapshot = target.snapshot.as_deref()?;
    Some((snapshot, snapshot.listed.as_ref()?))
}
