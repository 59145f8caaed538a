//! Runs tasks one poll at a time, in an order that the seed decides.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use super::dice::Dice;

/// Which task it is: a delivery in its connection, the rest of one that outlived it, or one of the
/// worker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Connection { attempt: usize },
    Rest { attempt: usize },
    Keeper,
    Drain,
}

impl Role {
    fn attempt(self) -> Option<usize> {
        match self {
            Role::Connection { attempt } | Role::Rest { attempt } => Some(attempt),
            Role::Keeper | Role::Drain => None,
        }
    }
}

pub struct Task {
    pub worker: usize,
    pub role: Role,
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Which poll it is, and of which delivery: what happens within one poll happens at once.
#[derive(Clone, Default)]
pub struct Turns {
    polls: Arc<AtomicU64>,
    attempt: Arc<AtomicUsize>,
}

impl Turns {
    /// The number of the poll.
    pub fn now(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// The delivery whose task is polled.
    pub fn attempt(&self) -> Option<usize> {
        self.attempt.load(Ordering::Relaxed).checked_sub(1)
    }

    fn next(&self, role: Role) {
        self.polls.fetch_add(1, Ordering::Relaxed);
        let attempt = role.attempt().map_or(0, |attempt| attempt + 1);
        self.attempt.store(attempt, Ordering::Relaxed);
    }
}

/// Where running tasks put new ones, and say that their thread is blocked.
#[derive(Clone, Default)]
pub struct Spawner {
    pub turns: Turns,
    new: Rc<RefCell<Vec<Task>>>,
    blocked: Rc<RefCell<Vec<(usize, Duration)>>>,
}

impl Spawner {
    pub fn spawn(&self, worker: usize, role: Role, future: impl Future<Output = ()> + 'static) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.new.borrow_mut().push(Task {
            worker,
            role,
            future: Box::pin(future),
            woken,
        });
    }

    /// The thread that runs `attempt` does nothing else until then, not even being dropped.
    pub fn block(&self, attempt: usize, until: Duration) {
        self.blocked.borrow_mut().push((attempt, until));
    }

    pub fn is_blocked(&self, role: Role, now: Duration) -> bool {
        let Some(attempt) = role.attempt() else {
            return false;
        };
        self.blocked
            .borrow()
            .iter()
            .any(|(blocked, until)| *blocked == attempt && *until > now)
    }

    /// When the next blocked thread is free again.
    pub fn next_free(&self, now: Duration) -> Option<Duration> {
        self.blocked
            .borrow()
            .iter()
            .map(|(_, until)| *until)
            .filter(|until| *until > now)
            .min()
    }
}

#[derive(Default)]
pub struct Executor {
    pub tasks: Vec<Task>,
    pub spawner: Spawner,
}

/// What one poll came to.
pub enum Turn {
    /// No task can go on.
    Idle,
    /// A task was polled.
    Taken,
    /// A panic that nobody caught.
    Panicked,
}

impl Executor {
    /// The tasks that can go on.
    pub fn ready(&self, now: Duration) -> Vec<usize> {
        self.tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| task.woken.0.load(Ordering::Acquire))
            .filter(|(_, task)| !self.spawner.is_blocked(task.role, now))
            .map(|(at, _)| at)
            .collect()
    }

    /// Polls one of the tasks that can go on.
    pub fn poll_one(&mut self, dice: &mut Dice, now: Duration) -> Turn {
        self.adopt();
        let ready = self.ready(now);
        if ready.is_empty() {
            return Turn::Idle;
        }
        let at = ready[dice.below(ready.len())];
        let task = &mut self.tasks[at];
        task.woken.0.store(false, Ordering::Release);
        self.spawner.turns.next(task.role);
        let waker = Waker::from(task.woken.clone());
        let mut cx = Context::from_waker(&waker);
        match catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut cx))) {
            Ok(poll) => {
                if poll.is_ready() {
                    drop(self.tasks.swap_remove(at));
                }
                self.adopt();
                Turn::Taken
            }
            Err(_) => Turn::Panicked,
        }
    }

    /// Drops the tasks that `which` picks; what their drop spawns is kept.
    pub fn drop_tasks(&mut self, which: impl Fn(&Task) -> bool) {
        self.adopt();
        let (dropped, kept): (Vec<Task>, Vec<Task>) =
            std::mem::take(&mut self.tasks).into_iter().partition(which);
        self.tasks = kept;
        drop(dropped);
        self.adopt();
    }

    fn adopt(&mut self) {
        self.tasks.append(&mut self.spawner.new.borrow_mut());
    }
}
