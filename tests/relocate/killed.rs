//! A run that is killed at any moment leaves the old tree or the new one, and the next run sweeps up behind it.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::world::World;
use crate::{listing, own_leftovers, write};

#[test]
fn killed_run_leaves_the_old_tree_or_the_new_one() {
    let world = World::new();
    let tree = world.checkout().join("t");
    for number in 0..700 {
        write(&tree.join(format!("share/{}/{number}", number % 20)), format!("a /opt/one/{number}\n").repeat(20));
        write(&tree.join(format!("same/{}/{number}", number % 20)), "nothing\n");
    }
    symlink("/opt/one/share", tree.join("link")).unwrap();
    let relocate = |from: &str, to: &str| {
        let mut command = world.tagalong(world.checkout());
        command.args(["relocate", "t", "--from", from, "--to", to]).stderr(std::process::Stdio::null());
        command
    };
    let one = listing(&tree);
    let start = std::time::Instant::now();
    assert!(relocate("/opt/one", "/srv/two").status().unwrap().success());
    let (two, whole) = (listing(&tree), start.elapsed());
    assert_ne!(one, two);
    let (mut kills, mut unfinished) = (0, 0);
    let mut is_two = true;
    for step in 0..24_u32 {
        let (from, to) = if is_two { ("/srv/two", "/opt/one") } else { ("/opt/one", "/srv/two") };
        let mut running = relocate(from, to).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(f64::from(step) / 20.0) + Duration::from_micros(u64::from(step) * 37));
        // It may have come to its end meanwhile.
        let _ = running.kill();
        kills += u32::from(!running.wait().unwrap().success());
        let now = listing(&tree);
        assert!(now == one || now == two, "step {step}: neither tree");
        let was_two = is_two;
        is_two = now == two;
        unfinished += u32::from(was_two == is_two);
    }
    assert!(kills >= 10, "only {kills} runs were killed");
    assert!(unfinished >= 5, "only {unfinished} were killed before the exchange");
    let (from, to) = if is_two { ("/srv/two", "/opt/one") } else { ("/opt/one", "/srv/two") };
    assert!(relocate(from, to).status().unwrap().success());
    assert_eq!(listing(&tree), if is_two { one } else { two });
    assert_eq!(own_leftovers(world.checkout()), Vec::<String>::new());
    let links = fs::symlink_metadata(tree.join("same/0/0")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&links), 1);
}
