//! Threads that share a row of equal jobs.
//!
//! Does not know what a job is.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// How many jobs a thread takes at once: a small file is done faster than a counter is shared.
const STRIDE: usize = 8;

/// Runs `work` for each number below `count`, each thread with a scratch of its own; the outcomes in order.
///
/// # Errors
/// The first error that came up; jobs that were not started then are not done.
pub fn in_parallel<S: Default, T: Send, E: Send>(
    count: usize,
    jobs: NonZeroUsize,
    work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = || {
        let (mut scratch, mut done) = (S::default(), Vec::new());
        while !is_over.load(Ordering::Relaxed) {
            let start = next.fetch_add(STRIDE, Ordering::Relaxed);
            if start >= count {
                break;
            }
            for place in start..count.min(start + STRIDE) {
                match work(&mut scratch, place) {
                    Ok(outcome) => done.push((place, outcome)),
                    Err(error) => {
                        is_over.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
        }
        Ok(done)
    };
    let threads = jobs.get().min(count.div_ceil(STRIDE));
    let parts: Vec<Result<Vec<(usize, T)>, E>> = if threads <= 1 {
        vec![run()]
    } else {
        thread::scope(|scope| {
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            // A panic in a job is a defect of the program and goes on here.
            started.into_iter().map(|one| one.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))).collect()
        })
    };
    let mut all = Vec::with_capacity(count);
    for part in parts {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, outcome)| outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_order_and_an_error_ends_the_work() {
        let jobs = NonZeroUsize::new(3).unwrap();
        let double = |_: &mut (), n: usize| Ok::<usize, ()>(n * 2);
        assert_eq!(in_parallel(100, jobs, double).unwrap(), (0..100).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(in_parallel(0, jobs, double).unwrap(), Vec::<usize>::new());
        let fail = |_: &mut (), n: usize| if n == 50 { Err(n) } else { Ok(n) };
        assert_eq!(in_parallel(100, jobs, fail), Err(50));
    }
}
