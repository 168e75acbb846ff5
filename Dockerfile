# syntax=docker/dockerfile:1

# Builds in one cached step: the two caches keep crates and their objects between builds, so a change of source compiles
# Reiver alone. The first build takes some minutes, most of it librdkafka and its TLS.
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY benches benches
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    cargo build --locked --release --bin reiver \
    && install -D -m 755 target/release/reiver /out/reiver \
    && install -d /out/state

# No shell and no package manager; glibc and libgcc as the build has them. Its tag carries no version: a deployment of
# your own pins the digest.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/reiver /usr/local/bin/reiver
COPY LICENSE THIRD-PARTY.txt /usr/share/doc/reiver/
# A named volume takes over the owner of the folder that it is first mounted on.
COPY --from=build --chown=65532:65532 /out/state /var/lib/reiver
USER 65532:65532
WORKDIR /var/lib/reiver
EXPOSE 7878
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["/usr/local/bin/reiver", "healthcheck", "--live"]
ENTRYPOINT ["/usr/local/bin/reiver"]
CMD ["run", "--config", "/etc/reiver/reiver.toml"]
