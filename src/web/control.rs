//! What may be asked of the running daemon over HTTP. Whoever runs it takes one request after the other, so that none meets
//! half of another.

use tokio::sync::{mpsc, oneshot};

use crate::schedule::{NewKillTasks, WatchError};
use crate::store::{StorageError, TaskRecord};

/// A request, and where its answer goes.
#[derive(Debug)]
pub enum ControlRequest {
    /// Read the configuration again; all its problems, if it has any.
    Reload(Answer<Result<(), Vec<String>>>),
    /// Watch kill tasks; whether any is new, and how all stand.
    Watch(NewKillTasks, Answer<Result<(bool, Vec<TaskRecord>), WatchError>>),
    /// Forget the kill tasks with this id; whether there was one.
    Forget(String, Answer<Result<bool, StorageError>>),
}

/// Where an answer goes. Whoever asked may have gone.
pub type Answer<T> = oneshot::Sender<T>;

/// Asks; cheap to clone.
#[derive(Debug, Clone)]
pub struct Control(mpsc::Sender<ControlRequest>);

impl Control {
    /// A way to ask, and where the requests arrive.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<ControlRequest>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Asks and waits for the answer; `None` where the daemon is about to stop.
    pub(super) async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> ControlRequest) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        self.0.send(request(sender)).await.ok()?;
        answer.await.ok()
    }
}
