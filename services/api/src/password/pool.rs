//! Hashing with admission control: a storm of sign-ins is shed here and never
//! starves refreshes or verification.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use super::hash::{Hasher, SaltedHash};
use super::{HashError, Password, PasswordHash};
use crate::config::PasswordConfig;

/// All workers are busy and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// Try again in a moment.
    #[error("too many passwords are being checked")]
    Full,
    /// Hashing failed.
    #[error(transparent)]
    Failed(#[from] HashError),
}

/// What checking a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password.
    Wrong,
    /// It is the password.
    Right {
        /// The hash is cheaper than what is configured now.
        outdated: bool,
    },
}

enum Job {
    Hash(Password, oneshot::Sender<Result<PasswordHash, HashError>>),
    Verify(
        Password,
        Box<PasswordHash>,
        oneshot::Sender<Result<Verdict, HashError>>,
    ),
    Derive {
        secret: Password,
        salt: Vec<u8>,
        cost: Option<(u32, u32)>,
        reply: oneshot::Sender<Result<SaltedHash, HashError>>,
    },
}

/// A fixed number of threads, a bounded queue.
pub struct HashPool {
    jobs: SyncSender<Job>,
    /// Bounds new passwords and codes: a flood of registrations must leave
    /// room for logins.
    new: Semaphore,
    /// What an unknown account is compared with, so that it takes as long.
    nobody: PasswordHash,
}

/// How much less the hashing threads weigh than the rest: they take what is
/// left of the processors and all of it.
const NICENESS: i32 = 10;

impl HashPool {
    /// Starts the workers. They end when the pool is dropped.
    pub fn start(config: &PasswordConfig) -> Result<Self, HashError> {
        let nobody = Hasher::new(config)?.hash(&Password::new("nobody"))?;
        let (jobs, queue) = sync_channel(config.queue);
        let queue = Arc::new(Mutex::new(queue));
        for index in 0..config.workers {
            let hasher = Hasher::new(config)?;
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("argon2-{index}"))
                .spawn(move || work(hasher, &queue))
                .map_err(|_| HashError::Hash)?;
        }
        let new = Semaphore::new((config.queue * 3 / 4).max(1));
        Ok(Self { jobs, new, nobody })
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Shed> {
        let _room = self.new.try_acquire().map_err(|_| Shed::Full)?;
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Hash(password, reply))?;
        let hash = answer.await.map_err(|_| HashError::Hash)??;
        Ok(hash)
    }

    /// Compares a password with a stored hash. None stands for an account that
    /// does not exist or has no password: it takes the same time, and whatever
    /// was typed is wrong.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, Shed> {
        let known = stored.is_some();
        let (reply, answer) = oneshot::channel();
        let against = stored.unwrap_or_else(|| self.nobody.clone());
        self.submit(Job::Verify(password, Box::new(against), reply))?;
        let verdict = answer.await.map_err(|_| HashError::Hash)??;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    /// Hashes under a given salt, at a given cost (memory in KiB and passes)
    /// or the configured one.
    pub(crate) async fn derive(
        &self,
        secret: Password,
        salt: &[u8],
        cost: Option<(u32, u32)>,
    ) -> Result<SaltedHash, Shed> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Derive {
            secret,
            salt: salt.to_vec(),
            cost,
            reply,
        })?;
        let hash = answer.await.map_err(|_| HashError::Hash)??;
        Ok(hash)
    }

    fn submit(&self, job: Job) -> Result<(), Shed> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Shed::Full,
            TrySendError::Disconnected(_) => Shed::Failed(HashError::Hash),
        })
    }
}

fn work(mut hasher: Hasher, queue: &Mutex<Receiver<Job>>) {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "hashing threads weigh as much as others");
    }
    loop {
        // Held while waiting: the others wait for the lock instead of the
        // queue, which comes to the same.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Err(_) => return,
            // Whoever has stopped waiting is not worth a hash.
            Ok(Job::Hash(_, reply)) if reply.is_closed() => {}
            Ok(Job::Verify(_, _, reply)) if reply.is_closed() => {}
            Ok(Job::Derive { reply, .. }) if reply.is_closed() => {}
            Ok(Job::Derive {
                secret,
                salt,
                cost,
                reply,
            }) => {
                let _ = reply.send(hasher.derive(&secret, &salt, cost));
            }
            Ok(Job::Hash(password, reply)) => {
                let _ = reply.send(hasher.hash(&password));
            }
            Ok(Job::Verify(password, stored, reply)) => {
                let verdict = hasher.verify(&password, &stored).map(|right| {
                    if right {
                        let outdated = hasher.is_outdated(&stored);
                        Verdict::Right { outdated }
                    } else {
                        Verdict::Wrong
                    }
                });
                let _ = reply.send(verdict);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_account_is_always_wrong() {
        let pool = HashPool::start(&PasswordConfig::default()).expect("starts");
        for typed in ["nobody", "x", ""] {
            assert_eq!(
                pool.verify(Password::new(typed), None).await,
                Ok(Verdict::Wrong)
            );
        }
        let hash = pool.hash(Password::new("x")).await.expect("hashes");
        let right = pool.verify(Password::new("x"), Some(hash.clone())).await;
        assert_eq!(right, Ok(Verdict::Right { outdated: false }));
        assert_eq!(
            pool.verify(Password::new("y"), Some(hash)).await,
            Ok(Verdict::Wrong)
        );
    }

    #[tokio::test]
    async fn a_flood_of_new_passwords_leaves_room_for_known_ones() {
        let config = PasswordConfig {
            workers: 1,
            queue: 8,
            ..PasswordConfig::default()
        };
        let pool = HashPool::start(&config).expect("starts");
        let new = (0..40).map(|_| pool.hash(Password::new("x")));
        let flood = futures_util::future::join_all(new);
        let login = pool.verify(Password::new("x"), None);
        let (made, verdict) = futures_util::future::join(flood, login).await;
        assert_eq!(made.iter().filter(|hash| hash.is_ok()).count(), 6);
        assert_eq!(verdict, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn what_exceeds_the_queue_is_shed_at_once() {
        let config = PasswordConfig {
            workers: 1,
            queue: 2,
            ..PasswordConfig::default()
        };
        let pool = HashPool::start(&config).expect("starts");
        let attempts = (0..40).map(|_| pool.verify(Password::new("x"), None));
        let answers = futures_util::future::join_all(attempts).await;
        let shed = answers
            .iter()
            .filter(|answer| **answer == Err(Shed::Full))
            .count();
        assert!(shed >= 37, "{shed} of 40 were shed");
        assert!(
            answers.contains(&Ok(Verdict::Wrong)),
            "and the rest was served"
        );
    }
}
