//! Makes the packages of a plan in dependency order, independent ones at the same time.
//!
//! Does not know how one package is made: `package.rs` does.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::builder::error::BuildError;
use crate::model::recipe::RecipeName;

/// One package of the crew's list: its name and those that must be there before.
pub struct Task {
    pub name: RecipeName,
    pub after: Vec<RecipeName>,
}

/// Makes the task at a place of the list, given what was made before.
pub type Make<'a, T> = dyn Fn(usize, &BTreeMap<RecipeName, T>) -> Result<T, BuildError> + Sync + 'a;

struct Board<T> {
    /// Places in the list that nobody has begun.
    open: Vec<usize>,
    done: BTreeMap<RecipeName, T>,
    running: usize,
    failure: Option<BuildError>,
}

/// Runs all tasks with `workers` threads; `make` gets what was made so far. After a failure nothing new begins, and
/// what runs is waited for. Gives what was made, by name.
///
/// # Errors
/// The first failure.
pub fn run<T: Clone + Send>(
    tasks: &[Task],
    workers: usize,
    make: &Make<'_, T>,
) -> Result<BTreeMap<RecipeName, T>, BuildError> {
    let open = (0..tasks.len()).rev().collect();
    let board = Mutex::new(Board { open, done: BTreeMap::new(), running: 0, failure: None });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| work(tasks, &board, &changed, make));
        }
    });
    let board = board.into_inner().unwrap_or_else(PoisonError::into_inner);
    match board.failure {
        Some(failure) => Err(failure),
        None => Ok(board.done),
    }
}

fn work<T: Clone + Send>(tasks: &[Task], board: &Mutex<Board<T>>, changed: &Condvar, make: &Make<'_, T>) {
    let mut now = board.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if now.failure.is_some() || now.open.is_empty() {
            return;
        }
        let is_ready = |place: &usize| tasks[*place].after.iter().all(|name| now.done.contains_key(name));
        // The list is reversed: the last ready one is the first in dependency order.
        let Some(position) = now.open.iter().rposition(is_ready) else {
            if now.running == 0 {
                // A dependency outside of the list can never come; the plan holds all of them.
                return;
            }
            now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let place = now.open.remove(position);
        now.running += 1;
        let made = now.done.clone();
        drop(now);
        let outcome = make(place, &made);
        now = board.lock().unwrap_or_else(PoisonError::into_inner);
        now.running -= 1;
        match outcome {
            Ok(one) => {
                now.done.insert(tasks[place].name.clone(), one);
            }
            Err(error) => {
                now.failure.get_or_insert(error);
            }
        }
        changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, after: &[&str]) -> Task {
        let parse = |name: &str| RecipeName::parse(name).unwrap();
        Task { name: parse(name), after: after.iter().map(|name| parse(name)).collect() }
    }

    #[test]
    fn every_task_comes_after_those_it_waits_for() {
        let tasks = [task("a", &[]), task("b", &["a"]), task("c", &[]), task("d", &["b", "c"])];
        for workers in 1..5 {
            let made = run(&tasks, workers, &|place, done: &BTreeMap<RecipeName, usize>| {
                assert!(tasks[place].after.iter().all(|name| done.contains_key(name)));
                Ok(place)
            });
            assert_eq!(made.unwrap().len(), 4);
        }
    }

    #[test]
    fn after_a_failure_nothing_that_waits_for_it_begins() {
        let tasks = [task("a", &[]), task("b", &["a"])];
        let failed = run(&tasks, 2, &|place, _: &BTreeMap<RecipeName, ()>| {
            assert_eq!(place, 0);
            Err(BuildError::Interrupted)
        });
        assert!(matches!(failed, Err(BuildError::Interrupted)));
    }
}
