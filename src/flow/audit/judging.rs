//! Has the files of a tree judged, several at once.
//!
//! What is judged, and how, is `audit/process.rs`.

use std::convert::Infallible;
use std::num::NonZeroUsize;

use crate::at_once;
use crate::audit::problem::Remark;
use crate::audit::process::{self, Judge, Process, Rules, World};
use crate::audit::providers::ElfFile;

/// One process for each file, in order.
pub fn judge(
    files: &[ElfFile],
    world: &dyn World,
    rules: &Rules<'_>,
    jobs: NonZeroUsize,
    remarks: &mut Vec<Remark>,
) -> Vec<Process> {
    let trace = |file: &ElfFile| Ok::<_, Infallible>(process::trace(file, world));
    let Ok(traces) = at_once::each(files, jobs.get(), trace);
    let judge = Judge::new(files, &traces, world, rules);
    let places: Vec<usize> = (0..files.len()).collect();
    let Ok(judged) = at_once::each(&places, jobs.get(), |place| Ok::<_, Infallible>(judge.judge(*place)));
    process::together(files, traces, judged, remarks)
}
