//! Does one thing for each of a list, several at once; the first failure stops what has not begun.
//!
//! Does not order what depends on each other; `builder/crew.rs` does.

use std::sync::{Mutex, MutexGuard};
use std::thread;

/// Does the work for each of the list, in its order as threads get free, at most `most` at once. Gives the results in the
/// order of the list.
///
/// # Errors
/// The first failure; what had begun by then has ended.
pub fn each<T: Sync, R: Send, E: Send>(
    list: &[T],
    most: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    each_with(list, most, || (), |(), one| work(one))
}

/// The same, where each thread has something of its own to work with, such as memory that it uses again and again.
///
/// # Errors
/// The first failure; what had begun by then has ended.
pub fn each_with<T: Sync, R: Send, E: Send, S>(
    list: &[T],
    most: usize,
    own: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let queue = Mutex::new(list.iter().enumerate());
    let (done, failure) = (Mutex::new(Vec::with_capacity(list.len())), Mutex::new(None));
    let run = || {
        let mut own = own();
        while locked(&failure).is_none() {
            let Some((place, one)) = locked(&queue).next() else { return };
            match work(&mut own, one) {
                Ok(result) => locked(&done).push((place, result)),
                Err(error) => {
                    locked(&failure).get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| (0..most.min(list.len())).for_each(|_| drop(scope.spawn(run))));
    if let Some(error) = locked(&failure).take() {
        return Err(error);
    }
    let mut done = std::mem::take(&mut *locked(&done));
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// What is behind a lock; a thread that panicked has the whole run panic, so that nothing half-done is used.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic in one thread ends the scope of all")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_list_and_a_failure_stops_the_rest() {
        let list: Vec<u64> = (0..50).collect();
        let doubled = each(&list, 4, |one| Ok::<u64, ()>(one * 2)).unwrap();
        assert_eq!(doubled, list.iter().map(|one| one * 2).collect::<Vec<_>>());
        let begun = AtomicUsize::new(0);
        let failed = each(&list, 2, |one| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *one == 3 { Err(*one) } else { Ok(()) }
        });
        assert_eq!(failed, Err(3));
        assert!(begun.into_inner() < 50);
        assert_eq!(each(&[], 4, |one: &u64| Ok::<u64, ()>(*one)), Ok(Vec::new()));
    }
}
