//! Runs tasks on the test's own thread, first woken first, until none can go on.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

type Queue = Arc<Mutex<VecDeque<usize>>>;

/// Tasks by number. Each belongs to a worker, so that a worker can be killed with all of its own.
#[derive(Default)]
pub struct Executor {
    tasks: RefCell<BTreeMap<usize, Task>>,
    spawned: Cell<usize>,
    woken: Queue,
}

struct Task {
    worker: usize,
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
    blocked: bool,
}

struct Woken {
    task: usize,
    queue: Queue,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.queue.lock().unwrap().push_back(self.task);
    }
}

impl Executor {
    /// Takes a task in, to be polled soon; its number.
    pub fn spawn(&self, worker: usize, future: impl Future<Output = ()> + 'static) -> usize {
        let number = self.spawned.get();
        self.spawned.set(number + 1);
        let waker = Waker::from(Arc::new(Woken {
            task: number,
            queue: self.woken.clone(),
        }));
        waker.wake_by_ref();
        let task = Task {
            worker,
            future: Box::pin(future),
            waker,
            blocked: false,
        };
        self.tasks.borrow_mut().insert(number, task);
        number
    }

    /// Polls until no task can go on.
    pub fn run(&self) {
        loop {
            let Some(number) = self.woken.lock().unwrap().pop_front() else {
                return;
            };
            // Outside of the map while it is polled, since it may spawn others.
            let task = self.tasks.borrow_mut().remove(&number);
            let Some(mut task) = task else { continue };
            let mut cx = Context::from_waker(&task.waker);
            if task.blocked || task.future.as_mut().poll(&mut cx).is_pending() {
                self.tasks.borrow_mut().insert(number, task);
            }
        }
    }

    /// Drops one task.
    pub fn drop_task(&self, number: usize) {
        let task = self.tasks.borrow_mut().remove(&number);
        drop(task);
    }

    /// The task that was spawned last of those that are left.
    pub fn newest(&self) -> usize {
        let tasks = self.tasks.borrow();
        *tasks.last_key_value().expect("a task").0
    }

    /// Drops all tasks of a worker.
    pub fn drop_worker(&self, worker: usize) {
        let all = std::mem::take(&mut *self.tasks.borrow_mut());
        let (dropped, kept): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(_, task)| task.worker == worker);
        *self.tasks.borrow_mut() = kept;
        drop(dropped);
    }

    /// From now on the task's thread is blocked, or is not any longer.
    pub fn block(&self, number: usize, blocked: bool) {
        if let Some(task) = self.tasks.borrow_mut().get_mut(&number) {
            task.blocked = blocked;
            task.waker.wake_by_ref();
        }
    }

    /// How many tasks there are.
    pub fn tasks(&self) -> usize {
        self.tasks.borrow().len()
    }
}
