//! Where a channel's objects lie among the generic packages of a GitLab project, and who asks for them.
//!
//! | object | name / version / file |
//! |---|---|
//! | `bundles/<tag>/<platform>.json` | `bundles` / `<tag>` / `<platform>.json` |
//! | `candidates/<name>/<platform>.json` | `candidates` / `<name>` / `<platform>.json` |
//! | `keys/<platform>/<build key>.json` | `keys` / `<platform>` / `<build key>.json` |
//! | `packages/<aa>/<digest>.tar.zst` | `packages` / `<aa>` / `<digest>.tar.zst` |
//! | `channel.json` | `channel` / `1` / `channel.json` |
//!
//! Names and files are of letters, digits and `.-_`, versions may have a `+` too, as GitLab's rules have it. Asks
//! nobody.

use crate::channel::AddressFault;
use crate::http::Header;
use crate::http::environment::{token_of, variable};
use crate::percent;

/// The server that knows the tokens of everybody without a server of their own.
const COMMON_HOST: &str = "gitlab.com";

/// The headers that GitLab takes tokens in, in small letters.
const HEADERS: [&str; 3] = ["private-token", "job-token", "deploy-token"];

/// A project of a GitLab server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Host and port.
    host: String,
    /// The address of the project in version 4 of the programming interface.
    pub api: String,
}

impl Place {
    /// Reads `gitlab://host/group/project`, or `gitlab+http://…` for a server without TLS; the project's number does
    /// as well.
    pub(super) fn parse(url: &str) -> Result<Place, AddressFault> {
        let (scheme, rest) = match (url.strip_prefix("gitlab://"), url.strip_prefix("gitlab+http://")) {
            (Some(rest), _) => ("https", rest),
            (_, Some(rest)) => ("http", rest),
            _ => return Err(AddressFault::Project),
        };
        let (host, project) = rest.split_once('/').ok_or(AddressFault::Project)?;
        let project = project.trim_end_matches('/');
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        let is_part = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if host.is_empty() || !host.chars().all(is_host) || !project.split('/').all(is_part) {
            return Err(AddressFault::Project);
        }
        let api = format!("{scheme}://{host}/api/v4/projects/{}", percent::encoded(project));
        Ok(Place { host: host.to_owned(), api })
    }

    /// The token of the channel, or of this server: a job's own and a user's are sent to no other one.
    ///
    /// `TAGALONG_TOKEN_<CHANNEL>` is a private token, or `Deploy-Token:…` or `Job-Token:…`; then come `CI_JOB_TOKEN`
    /// and `CI_DEPLOY_PASSWORD` for the server of `CI_SERVER_HOST`, and `GITLAB_TOKEN` for that of `GITLAB_HOST`.
    pub(super) fn secrets(&self, channel: &str) -> Vec<Header> {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.trim().to_owned())];
        if let Some(token) = token_of(channel) {
            return match token.split_once(':') {
                Some((name, value)) if HEADERS.contains(&name.to_lowercase().as_str()) => {
                    header(&name.to_lowercase(), value)
                }
                _ => header("private-token", token),
            };
        }
        if self.is_at(variable("CI_SERVER_HOST")) {
            if let Some(token) = variable("CI_JOB_TOKEN") {
                return header("job-token", token);
            }
            if let Some(token) = variable("CI_DEPLOY_PASSWORD") {
                return header("deploy-token", token);
            }
        }
        let own = variable("GITLAB_HOST").or_else(|| variable("CI_SERVER_HOST")).unwrap_or(COMMON_HOST);
        match variable("GITLAB_TOKEN") {
            Some(token) if self.is_at(Some(own)) => header("private-token", token),
            _ => Vec::new(),
        }
    }

    /// Whether the host that a variable names is this one; `CI_SERVER_HOST` has no port, `GITLAB_HOST` may have a scheme.
    fn is_at(&self, named: Option<&str>) -> bool {
        let Some(named) = named else { return false };
        let named = named.split_once("://").map_or(named, |(_, host)| host).trim_end_matches('/').to_lowercase();
        let mine = self.host.to_lowercase();
        named == mine || mine.rsplit_once(':').is_some_and(|(host, _)| named == host)
    }
}

/// An object as GitLab files it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filed<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub file: &'a str,
}

impl<'a> Filed<'a> {
    pub(super) fn of(path: &'a str) -> Filed<'a> {
        let mut parts = path.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(version), Some(file)) => Filed { name, version, file },
            _ => Filed { name: path.strip_suffix(".json").unwrap_or(path), version: "1", file: path },
        }
    }

    /// Below the project.
    pub(super) fn address(&self) -> String {
        let [name, version, file] = [self.name, self.version, self.file].map(percent::encoded);
        format!("packages/generic/{name}/{version}/{file}")
    }
}

/// The path of an object, from how it is filed; `None` for what is no object of a channel.
pub(super) fn path_of(name: &str, version: &str, file: &str) -> Option<String> {
    match name {
        "channel" if version == "1" => Some(file.to_owned()),
        "bundles" | "candidates" | "keys" | "packages" => Some(format!("{name}/{version}/{file}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_project() {
        let api = |url| Place::parse(url).map(|place| place.api);
        let expected = "https://gitlab.example.org/api/v4/projects/group%2Fsub%2Fdeps";
        assert_eq!(api("gitlab://gitlab.example.org/group/sub/deps/").as_deref(), Ok(expected));
        assert_eq!(api("gitlab+http://localhost:8080/42").as_deref(), Ok("http://localhost:8080/api/v4/projects/42"));
        for url in ["gitlab:x", "gitlab://host", "gitlab:///x", "gitlab://a@b/x/y", "gitlab://h/../x", "gitlab://h/a b"]
        {
            assert_eq!(api(url), Err(AddressFault::Project), "{url}");
        }
    }

    #[test]
    fn paths_are_filed_and_found_again() {
        for path in ["bundles/deps-1+x/debian-12-x86_64.json", "packages/ab/abcd.tar.zst", "channel.json"] {
            let Filed { name, version, file } = Filed::of(path);
            assert_eq!(path_of(name, version, file).as_deref(), Some(path));
        }
        assert_eq!(Filed::of("bundles/deps-1+x/p.json").address(), "packages/generic/bundles/deps-1%2Bx/p.json");
        assert_eq!(path_of("another", "1", "x"), None);
    }

    #[test]
    fn tokens_of_a_server_go_to_that_server() {
        let place = Place::parse("gitlab://gitlab.example.org:8443/a/b").unwrap();
        assert!(place.is_at(Some("gitlab.example.org")) && place.is_at(Some("https://GitLab.example.org:8443/")));
        assert!(!place.is_at(Some("gitlab.example.com")) && !place.is_at(None));
        assert!(place.secrets("main").is_empty());
    }
}
