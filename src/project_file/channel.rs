//! One `[[channel]]` of tagalong.toml: name, address, and whom it is trusted to.
//!
//! Does not open it; `channel/` does.

use crate::model::project::{ChannelConfig, Keys, Trust};
use crate::project_file::{check_name, field};
use crate::toml_file::Notes;
use crate::toml_file::fields::{Field, Kind, Reader};
use crate::toml_file::tree::Placed;

/// One `[[channel]]`.
pub(super) const CHANNEL: &[Field] = &[
    field("name", Kind::Text, None, "how the channel is called in messages and after `--channel`"),
    field("url", Kind::Text, None, "its address, `https:`, `http:`, `file:`, `s3:`, `oci:` or `gitlab:`"),
    field("keys", Kind::List, Some("none"), "the public keys whose bundles are taken"),
    field(
        "introduced",
        Kind::List,
        Some("none"),
        "signatures by which a key of `keys` introduces another (`tagalong key introduce`)",
    ),
    field("revoked", Kind::List, Some("none"), "keys that are no longer trusted, wherever else they stand"),
    field("unsigned", Kind::Flag, Some("false"), "whether bundles without a signature are taken"),
];

pub(super) fn read(table: &Reader<'_>, notes: &mut Notes) -> Option<ChannelConfig> {
    table.require("this `[[channel]]`", notes);
    let name = table.text("name");
    if let Some(name) = &name {
        check_name(name, "a channel", notes);
    }
    let url = table.text("url");
    if let Some(url) = &url {
        check_channel_url(url, notes);
    }
    let keys = table.texts("keys").unwrap_or_default();
    let revoked = table.texts("revoked").unwrap_or_default();
    keys.iter().chain(&revoked).for_each(|key| check_key(key, notes));
    let is_unsigned = table.flag("unsigned") == Some(true);
    let has_keys = table.key_span("keys").is_some() && !keys.is_empty();
    let is_readable = table.key_span("unsigned").is_none() || table.flag("unsigned").is_some();
    if has_keys && is_unsigned {
        let span = table.key_span("unsigned").unwrap_or_else(|| table.span());
        notes.add_with(&span, "a channel with `keys` cannot be `unsigned`", "leave one of them out");
    }
    if !has_keys && !is_unsigned && !notes.is_broken && is_readable {
        let hint = "add `keys = [\"RW…\"]`, which `tagalong key new` prints, or `unsigned = true` to trust anyone who can write there";
        notes.add_with(&table.span(), "this `[[channel]]` says nobody to trust", hint);
    }
    let trust = match is_unsigned {
        true => Trust::Unsigned,
        false => Trust::Keys(Keys {
            named: keys.into_iter().map(|key| key.value).collect(),
            introduced: table.texts("introduced").unwrap_or_default().into_iter().map(|text| text.value).collect(),
            revoked: revoked.into_iter().map(|key| key.value).collect(),
        }),
    };
    Some(ChannelConfig { name: name?.value, url: url?.value, trust })
}

fn check_channel_url(url: &Placed<String>, notes: &mut Notes) {
    let value = &url.value;
    let shown = value.escape_debug();
    if value.chars().any(|c| c.is_control() || c.is_whitespace() && !value.starts_with("file:")) {
        notes.add(&url.span, format!("the address `{shown}` holds white space"), None);
        return;
    }
    match value.split_once(':') {
        Some(("file", path)) if !path.is_empty() => {}
        Some(("http" | "https" | "s3" | "oci" | "oci+http" | "gitlab" | "gitlab+http", rest))
            if rest.len() > 2 && rest.starts_with("//") && !rest.starts_with("///") => {}
        Some(("http" | "https" | "file" | "s3" | "oci" | "oci+http" | "gitlab" | "gitlab+http", _)) => {
            notes.add(&url.span, format!("the address `{shown}` names no place"), None);
        }
        Some((scheme, _)) if !scheme.contains('/') => {
            let what = format!("`{}:` channels are not known", scheme.escape_debug());
            notes.add_with(&url.span, what, "use `https:`, `http:`, `file:`, `s3:`, `oci:` or `gitlab:`");
        }
        _ => {
            let what = format!("`{shown}` is not an address");
            notes.add_with(&url.span, what, format!("a folder is written `file:{shown}`"));
        }
    }
}

/// Notes what is no minisign public key: base64 of 42 bytes that start with `Ed`.
fn check_key(key: &Placed<String>, notes: &mut Notes) {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if key.value.len() != 56 || !key.value.starts_with("RW") || !key.value.chars().all(is_base64) {
        let what = format!("`{}` is not a public key", key.value.escape_debug());
        notes.add_with(&key.span, what, "it is the line of 56 characters, `RW…`, that `tagalong key new` prints");
    }
}
