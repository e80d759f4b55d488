//! Barriers: jobs that do nothing but wait for others and hand on their files, so that no job has too many needs.

use crate::pipeline::{Job, Need};

/// Cuts needs down to `limit` by barriers, which are appended to `jobs`.
pub fn within(limit: usize, mut needs: Vec<Need>, name: &str, shared: &str, jobs: &mut Vec<Job>) -> Vec<Need> {
    // One need cannot be divided.
    let limit = limit.max(2);
    let mut count = 0;
    while needs.len() > limit {
        let mut above = Vec::with_capacity(needs.len().div_ceil(limit));
        for part in needs.chunks(limit) {
            count += 1;
            let job = format!("barrier {name} {count}");
            above.push(Need { job: job.clone(), has_files: true });
            jobs.push(Job {
                name: job,
                extends: shared.to_owned(),
                needs: part.to_vec(),
                variables: Vec::new(),
                timeout: None,
                more: Vec::new(),
            });
        }
        needs = above;
    }
    needs
}
