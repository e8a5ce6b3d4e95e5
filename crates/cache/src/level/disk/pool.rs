//! Threads that read.
//!
//! A read blocks its thread until the medium answers, so it must not happen on a thread that serves others. A few
//! threads of our own, and not the runtime's pool for blocking work: a slow disk then delays the disk's readers
//! only, and how many reads wait is bounded.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// So many jobs may wait.
const MAX_WAITING: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads with a queue.
pub(super) struct Pool {
    jobs: Arc<Jobs>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Jobs {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    stopped: bool,
}

impl Pool {
    /// Starts `threads` threads.
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let mut pool = Self {
            jobs: Arc::default(),
            threads: Vec::new(),
        };
        for number in 0..threads {
            let jobs = pool.jobs.clone();
            let thread = std::thread::Builder::new()
                .name(format!("disk-read-{number}"))
                .spawn(move || jobs.work())?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Has a thread run `job`. `false`: too many wait already, or the pool was stopped.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut waiting = self.jobs.lock();
        if waiting.stopped || waiting.jobs.len() >= MAX_WAITING {
            return false;
        }
        waiting.jobs.push_back(Box::new(job));
        self.jobs.wake.notify_one();
        true
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let left = {
            let mut waiting = self.jobs.lock();
            waiting.stopped = true;
            std::mem::take(&mut waiting.jobs)
        };
        drop(left);
        self.jobs.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A job that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
    }
}

impl Jobs {
    fn work(&self) {
        while let Some(job) = self.next() {
            // One bad job must not cost a thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if waiting.stopped {
                return None;
            }
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            waiting = self
                .wake
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
