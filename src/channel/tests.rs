//! Tests of addresses: what they mean, and what is refused.

use super::*;

fn config(url: &str) -> ChannelConfig {
    ChannelConfig { name: "main".to_owned(), url: url.to_owned(), trust: Trust::Unsigned }
}

#[test]
fn file_addresses_name_folders() {
    let root = Path::new("/checkout");
    for (url, expected) in [
        ("file:///srv/deps", "/srv/deps"),
        ("file://localhost/srv/deps", "/srv/deps"),
        ("file:/srv/my%20deps", "/srv/my deps"),
        ("file:/srv/100%", "/srv/100%"),
        ("file:../deps", "/checkout/../deps"),
    ] {
        let config = config(url);
        let found = folder(&config, url.strip_prefix("file:").unwrap(), Some(root));
        assert_eq!(found, Ok(PathBuf::from(expected)), "{url}");
    }
}

#[test]
fn addresses_without_meaning_are_refused() {
    for (url, fault) in [
        ("file://server/deps", AddressFault::Host),
        ("file:", AddressFault::Empty),
        ("file:deps", AddressFault::NoCheckout),
        ("ftp://host/deps", AddressFault::Scheme),
        ("/srv/deps", AddressFault::Scheme),
    ] {
        let refused = Channel::open(&config(url), None).err();
        assert_eq!(refused, Some(address(&config(url), fault)), "{url}");
    }
}
