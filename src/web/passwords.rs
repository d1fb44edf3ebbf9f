//! Whether a password is right. bcrypt is slow on purpose, so each answer is kept; and one password is looked at at a time, with
//! pauses after wrong ones, so that whoever guesses cannot take the machine. A right one that is known waits for nobody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::crypto::aws_lc_rs;
use secrecy::zeroize::Zeroizing;
use sha2::Sha256;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::config::web::PasswordHash;

/// Answers kept of each kind; a few users and their mistakes need fewer.
const MAX_KEPT: usize = 1024;

/// Passwords that may wait to be looked at; at some 50 ms each with as long a pause, the last waits 3 s.
const MAX_WAITING: usize = 32;

/// How many of them may come from one address, so that a guesser does not crowd the others out.
const MAX_WAITING_OF_ONE: usize = 4;

/// What a password turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// That of the user.
    Right,
    /// Not that of the user, or there is no such user.
    Wrong,
    /// Too many others are waiting.
    Crowded,
}

/// Looks at passwords, and remembers what they were.
#[derive(Debug)]
pub(super) struct Passwords {
    /// Random; without it nothing can be learnt from what is kept.
    key: [u8; 32],
    known: Mutex<Known>,
    turn: Arc<Semaphore>,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

/// Digests of names, hashes and passwords. The right ones stand apart, so that no number of wrong ones pushes them out.
#[derive(Debug, Default)]
struct Known {
    right: HashSet<[u8; 32]>,
    wrong: HashSet<[u8; 32]>,
}

impl Known {
    fn recall(&self, digest: &[u8; 32]) -> Option<Login> {
        let right = self.right.contains(digest).then_some(Login::Right);
        right.or_else(|| self.wrong.contains(digest).then_some(Login::Wrong))
    }

    fn keep(&mut self, digest: [u8; 32], login: Login) {
        let kept = if login == Login::Right { &mut self.right } else { &mut self.wrong };
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(digest);
    }
}

impl Passwords {
    pub(super) fn new() -> Arc<Self> {
        let mut key = [0; 32];
        let random = aws_lc_rs::default_provider().secure_random;
        random.fill(&mut key).expect("the machine has random numbers, or it would have no TLS either");
        let turn = Arc::new(Semaphore::new(1));
        Arc::new(Self { key, known: Mutex::default(), turn, waiting: Mutex::default() })
    }

    /// Looks at the password that `address` sent for a name. A name that is none takes as long as one that is: the password is
    /// compared with the hash of some user, in vain.
    pub(super) async fn login(
        self: &Arc<Self>,
        users: &BTreeMap<String, PasswordHash>,
        address: IpAddr,
        name: &[u8],
        password: &[u8],
    ) -> Login {
        let user = std::str::from_utf8(name).ok().and_then(|name| users.get(name));
        let Some(hash) = user.or_else(|| self.some_user(users, name)).cloned() else { return Login::Wrong };
        let digest = self.digest(&[&[u8::from(user.is_some())], name, hash.expose().as_bytes(), password]);
        if let Some(login) = self.recall(&digest) {
            return login;
        }
        let Some(_place) = Place::take(self, address) else { return Login::Crowded };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return Login::Crowded };
        // Somebody may have asked the same meanwhile.
        if let Some(login) = self.recall(&digest) {
            return login;
        }
        let password = Zeroizing::new(password.to_vec());
        let exists = user.is_some();
        let work =
            spawn_blocking(move || bcrypt::verify(&*password, hash.expose()).is_ok_and(|is| is && exists));
        let passwords = Arc::clone(self);
        // Whoever asked may go away meanwhile; the turn lasts as long as the work.
        let looked = tokio::spawn(async move { passwords.conclude(digest, work, turn).await });
        looked.await.unwrap_or(Login::Wrong)
    }

    async fn conclude(
        &self,
        digest: [u8; 32],
        work: tokio::task::JoinHandle<bool>,
        turn: OwnedSemaphorePermit,
    ) -> Login {
        let began = Instant::now();
        let login = if work.await.unwrap_or(false) { Login::Right } else { Login::Wrong };
        self.known().keep(digest, login);
        if login == Login::Wrong {
            let pause = began.elapsed();
            tokio::spawn(async move {
                sleep(pause).await;
                drop(turn);
            });
        }
        login
    }

    /// Always the same one for a name, so that its cost tells nothing; none where there is no user at all.
    fn some_user<'a>(
        &self,
        users: &'a BTreeMap<String, PasswordHash>,
        name: &[u8],
    ) -> Option<&'a PasswordHash> {
        let [first, ..] = self.digest(&[name]);
        users.values().nth(usize::from(first).checked_rem(users.len())?)
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key may have any length");
        for part in parts {
            mac.update(&part.len().to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, digest: &[u8; 32]) -> Option<Login> {
        self.known().recall(digest)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait.
struct Place<'a> {
    passwords: &'a Passwords,
    address: IpAddr,
}

impl<'a> Place<'a> {
    fn take(passwords: &'a Passwords, address: IpAddr) -> Option<Self> {
        let mut waiting = passwords.waiting();
        let (all, own) =
            (waiting.values().sum::<usize>(), waiting.get(&address).copied().unwrap_or_default());
        if all >= MAX_WAITING || own >= MAX_WAITING_OF_ONE {
            return None;
        }
        waiting.insert(address, own + 1);
        Some(Self { passwords, address })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.passwords.waiting();
        let left = waiting.get(&self.address).map_or(0, |own| own - 1);
        if left == 0 {
            waiting.remove(&self.address);
        } else {
            waiting.insert(self.address, left);
        }
    }
}
