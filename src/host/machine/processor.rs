//! What this processor can run beyond the first of its kind.
//!
//! Does not search the folders that are named so; `audit/loader/` does.

use crate::audit::system;
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

/// Whether a loader is glibc's before 2.37, which looks into [`old_folders`] too. It tells its version since 2.33.
pub fn is_old_loader(loader: &[u8]) -> bool {
    const VERSION: &[u8] = b"release version 2.";
    if memchr::memmem::find(loader, b"GLIBC_2.").is_none() {
        return false;
    }
    let Some(place) = memchr::memmem::find(loader, VERSION) else { return true };
    let digits = loader[place + VERSION.len()..].iter().take(4).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')) < 37
}

/// The folders that such a loader searches behind those of `glibc-hwcaps`, as it shows them (LD_DEBUG=libs, 2.36).
pub fn old_folders(facts: &Facts) -> Vec<String> {
    let platform = system::platform_word(facts);
    let plain = match platform {
        "" => Vec::new(),
        // There the kind of processor is a capability too.
        "x86_64" => vec![format!("{platform}/{platform}"), platform.to_owned()],
        _ => vec![platform.to_owned()],
    };
    let of_tls = plain.iter().map(|below| format!("tls/{below}"));
    of_tls.chain(["tls".to_owned()]).chain(plain.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_before_2_37_are_old() {
        for (text, is_old) in [
            ("GLIBC_2.2.5 ld.so (Debian GLIBC 2.36-9) stable release version 2.36.", true),
            ("GLIBC_2.2.5 stable release version 2.37.", false),
            ("GLIBC_2.2.5 development release version 2.40.9000", false),
            ("GLIBC_2.2.5", true),
            ("musl libc", false),
        ] {
            assert_eq!(is_old_loader(text.as_bytes()), is_old, "{text}");
        }
    }
}
