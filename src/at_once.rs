//! Does one thing for each of a list, several at once; the first failure stops what has not begun.
//!
//! Does not order what depends on each other; `builder/crew.rs` does.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{panic, thread};

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
    each_with(list, most, |(): &mut (), one| work(one))
}

/// The same, where each thread has something of its own to work with, such as memory that it uses again and again.
///
/// # Errors
/// The first failure; what had begun by then has ended.
pub fn each_with<T: Sync, R: Send, E: Send, S: Default>(
    list: &[T],
    most: usize,
    work: impl Fn(&mut S, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = || {
        let (mut own, mut done) = (S::default(), Vec::new());
        while !is_over.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = list.get(place) else { break };
            let result = work(&mut own, one).inspect_err(|_| is_over.store(true, Ordering::Relaxed));
            done.push((place, result?));
        }
        Ok(done)
    };
    let threads = most.min(list.len());
    let parts: Vec<Result<Vec<(usize, R)>, E>> = match threads {
        0 | 1 => vec![run()],
        _ => thread::scope(|scope| {
            let begun: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            // A panic in one thread is a defect of the program and goes on here.
            begun.into_iter().map(|one| one.join().unwrap_or_else(|cause| panic::resume_unwind(cause))).collect()
        }),
    };
    let mut done = Vec::with_capacity(list.len());
    for part in parts {
        done.append(&mut part?);
    }
    done.sort_unstable_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
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
