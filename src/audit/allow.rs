//! Allowances: which findings a project or a recipe takes, each with a reason.
//!
//! Does not read files; `toml_file/allowances.rs` does.

use crate::audit::problem::{Problem, Remark};
use crate::model::project::Allowance;

/// Takes out what is allowed, and adds a finding for each allowance that matched nothing; gives how many were taken.
/// `place` names where the allowances stand.
pub fn apply(allowances: &[Allowance], place: &str, remarks: &mut Vec<Remark>) -> usize {
    let before = remarks.len();
    let unused = take(allowances, remarks, |remark| Some((remark.problem.check(), remark.file.clone())));
    let count = before - remarks.len();
    for one in unused {
        let problem = Problem::UnusedAllowance { check: one.check.clone(), file: one.file.clone() };
        remarks.push(Remark::new(place, problem));
    }
    count
}

/// Takes what is allowed out of a list, and gives the allowances that took nothing; `of` names check and file of what
/// may be allowed.
pub fn take<'a, T>(
    allowances: &'a [Allowance],
    list: &mut Vec<T>,
    of: impl Fn(&T) -> Option<(&'static str, String)>,
) -> Vec<&'a Allowance> {
    let mut is_used = vec![false; allowances.len()];
    list.retain(|one| {
        let Some((check, file)) = of(one) else { return true };
        let mut is_allowed = false;
        for (allowance, is_used) in allowances.iter().zip(&mut is_used) {
            if matches(&allowance.check, check) && matches(&allowance.file, &file) {
                *is_used = true;
                is_allowed = true;
            }
        }
        !is_allowed
    });
    allowances.iter().zip(is_used).filter(|(_, is_used)| !is_used).map(|(one, _)| one).collect()
}

/// Whether the allowance is for one of these checks.
pub fn is_for(allowance: &Allowance, checks: &[&str]) -> bool {
    checks.iter().any(|check| matches(&allowance.check, check))
}

/// Whether a glob matches a whole text: `*` is any run of characters, `/` too; all else is literal.
fn matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = glob.rsplit_once('*').map(|(_, last)| last) else { return rest.is_empty() };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::project::PROJECT_FILE;

    #[test]
    fn globs_match_whole_texts() {
        for (glob, text, expected) in [
            ("*", "a/b", true),
            ("lib/*.so", "lib/x/y.so", true),
            ("lib/*.so", "lib/y.so.1", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXc", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn what_matches_nothing_is_told() {
        let allow = |check: &str| Allowance { check: check.into(), file: "*".into(), reason: "known".into() };
        let mut remarks = vec![Remark::new("lib/x", Problem::ExecutableStack)];
        assert_eq!(apply(&[allow("hardening-*"), allow("floor-max")], PROJECT_FILE, &mut remarks), 1);
        let unused = Problem::UnusedAllowance { check: "floor-max".into(), file: "*".into() };
        assert_eq!(remarks, [Remark::new(PROJECT_FILE, unused)]);
    }
}
