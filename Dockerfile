# The server and the terminal client on a small Debian.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=container
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/cxxd ./cmd/cxx

FROM debian:bookworm-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin cxx \
 && install -d -o cxx -g cxx -m 0700 /data /cell /cell/keys /cell/acs1 /cell/acs2 /cell/nas1 /cell/nas2 \
 && install -d -o cxx -g cxx -m 0755 /db
COPY --from=build /out/cxxd /out/cxx /usr/local/bin/
COPY deploy/cell/acs.toml deploy/cell/nas.toml /etc/cxx/
COPY deploy/cell/init.sh /usr/local/bin/cxx-init
USER cxx
VOLUME ["/data"]
# NAS, C-XX, mesh, HTTP; the admin API stays inside.
EXPOSE 5200 5210 5222 5223 5230 5280
STOPSIGNAL SIGTERM
ENTRYPOINT ["cxxd"]
CMD ["serve", "--data", "/data"]
