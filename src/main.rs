//! The thin binary: hands the command line over to `cli` and turns its answer into an exit code.

fn main() -> std::process::ExitCode {
    reiver::cli::main()
}
