//! `tagalong key`: makes keys, shows their public half, signs and verifies files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::failure::{Code, Failure};
use crate::cli::print::show;
use crate::cli::secret::secret_key;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::key::{self, Protection};
use crate::signing::ring::introduce;
use crate::signing::{PublicKey, SecretKey};

/// Makes keys that sign bundles
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    New(New),
    Show(Show),
    Introduce(Introduce),
    Sign(Sign),
    Verify(Verify),
}

/// Makes a key: the secret half goes to a file, the line for tagalong.toml to stdout
#[derive(Debug, clap::Args)]
struct New {
    /// The file that the secret key is written to; it must not exist
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Asks for a password that the key is locked with; CI cannot use such a key
    #[arg(long)]
    password: bool,
    /// Tells what would be written, and makes nothing
    #[arg(long)]
    dry_run: bool,
}

/// Prints the public key of a secret key
#[derive(Debug, clap::Args)]
struct Show {
    /// The file of the secret key; TAGALONG_SECRET_KEY by default
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Signs that another key may sign bundles too; prints the line for tagalong.toml
#[derive(Debug, clap::Args)]
struct Introduce {
    /// The new public key, `RW…`
    #[arg(value_name = "KEY")]
    key: String,
    /// The file of the key that is trusted now; TAGALONG_SECRET_KEY by default
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
}

/// Signs a file; the signature goes beside it, with `.minisig` at the end
#[derive(Debug, clap::Args)]
struct Sign {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The file of the key that signs; wins over TAGALONG_SECRET_KEY
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
    /// Tells what would be written, and signs nothing
    #[arg(long)]
    dry_run: bool,
}

/// Checks the signature beside a file, and prints what it says about it
#[derive(Debug, clap::Args)]
struct Verify {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A public key that is trusted, `RW…`; may be repeated
    #[arg(long = "key", value_name = "KEY", required = true)]
    keys: Vec<String>,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    match arguments.verb {
        Verb::New(arguments) => make(&arguments, settings, &talk)?,
        Verb::Show(arguments) => show!("{}", wanted(arguments.file.as_deref(), settings)?.public().line()),
        Verb::Introduce(arguments) => {
            let new = PublicKey::parse(&arguments.key).map_err(|error| Failure::from(&error))?;
            let old = wanted(arguments.secret_key.as_deref(), settings)?;
            let signature = introduce(&old, &new).map_err(|error| Failure::from(&error))?;
            show!("introduced = [\"{}\"]", signature.trim_end().replace('\n', "\\n"));
            talk.say("the line above goes into the channel's part of tagalong.toml, beside `keys` with the old key");
        }
        Verb::Sign(arguments) => {
            let key = wanted(arguments.secret_key.as_deref(), settings)?;
            let file = settings.directory.join(&arguments.file);
            if arguments.dry_run {
                talk.say(&format!("would sign {} with the key {}", arguments.file.display(), key.public().line()));
            } else {
                key::sign(&key, &file)?;
                talk.say(&format!("signed {} with the key {}", arguments.file.display(), key.public().line()));
            }
        }
        Verb::Verify(arguments) => {
            let keys: Result<Vec<PublicKey>, _> = arguments.keys.iter().map(|line| PublicKey::parse(line)).collect();
            let keys = keys.map_err(|error| Failure::from(&error))?;
            let verified = key::verify(&keys, &settings.directory.join(&arguments.file))?;
            show!("{}", verified.trusted_comment);
            talk.say(&format!("{} is signed by {}", arguments.file.display(), verified.key.line()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn make(arguments: &New, settings: &Settings, talk: &Talk) -> Result<(), Failure> {
    let output = settings.directory.join(&arguments.output);
    let shown = arguments.output.display();
    if arguments.dry_run {
        talk.say(&format!("would write a secret key to {shown}"));
        return Ok(());
    }
    let protection = if arguments.password { Protection::Password } else { Protection::Mode };
    let public = key::make(&output, protection)?;
    show!("keys = [\"{}\"]", public.line());
    talk.say(&format!("wrote the secret key to {shown}; the line above goes into the channel's part of tagalong.toml"));
    Ok(())
}

fn wanted(file: Option<&Path>, settings: &Settings) -> Result<SecretKey, Failure> {
    secret_key(file, settings)?.ok_or_else(|| {
        Failure::new(Code::Usage, "no secret key is named").next("name its file, or set `TAGALONG_SECRET_KEY`")
    })
}
