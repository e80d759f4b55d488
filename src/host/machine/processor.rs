//! What this processor can run beyond the first of its kind.
//!
//! Does not search the folders that are named so; `audit/loader/` does.

use crate::relocate::elf::{Class, Facts};

/// What this processor can run beyond the first of its kind, the best first (ld.so(8), glibc-hwcaps).
pub fn levels(facts: &Facts) -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    if (facts.machine, facts.class) == (62, Class::Elf64) {
        let has_v2 = is_x86_feature_detected!("sse4.2")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("cmpxchg16b");
        let has_v3 = has_v2
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("movbe");
        let has_v4 = has_v3
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let levels = [(has_v4, "x86-64-v4"), (has_v3, "x86-64-v3"), (has_v2, "x86-64-v2")];
        return levels.iter().filter(|(has, _)| *has).map(|(_, name)| (*name).to_owned()).collect();
    }
    Vec::new()
}
