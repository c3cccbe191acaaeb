# syntax=docker/dockerfile:1
# The image of a connector: one static program, an unprivileged user, the certificates of public authorities, and no shell.
# Build it in the repository's folder:
#
#   docker build -f deploy/connector.Dockerfile -t mysql-sync-connector .
#   docker run -v ./connector.yaml:/etc/mysql-sync/connector.yaml:ro -v state:/var/lib/mysql-sync-connector mysql-sync-connector
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH TARGETVARIANT
ARG VERSION=dev
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/mysql-sync-connector ./cmd/mysql-sync-connector && \
    deploy/image/rootfs.sh /out/mysql-sync-connector /rootfs

FROM scratch
COPY --from=build /rootfs/ /
COPY --from=build --chown=65532:65532 /rootfs/var/lib/mysql-sync-connector /var/lib/mysql-sync-connector
USER 65532:65532
# The state file. A connector that loses it compares everything again.
VOLUME /var/lib/mysql-sync-connector
WORKDIR /var/lib/mysql-sync-connector
ENTRYPOINT ["/usr/bin/mysql-sync-connector"]
CMD ["start", "/etc/mysql-sync/connector.yaml", "--state", "/var/lib/mysql-sync-connector/connector.db"]
