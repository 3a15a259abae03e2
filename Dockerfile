# Two stages: the first installs exactly what the lockfile names and makes the bundle; the second
# carries the pinned Node and the bundle, and nothing to build with.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm libcap2-bin \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY certs ./certs
RUN npm run build
# The capability goes to a copy of the binary, so that nothing else may bind ports below 1024.
RUN cp "$(realpath node_modules/.bin/node)" /usr/local/bin/gatehouse-node \
  && setcap cap_net_bind_service=+ep /usr/local/bin/gatehouse-node

FROM debian:12-slim
RUN useradd --system --uid 10001 --no-create-home gatehouse
WORKDIR /app
COPY --from=build /usr/local/bin/gatehouse-node /usr/local/bin/gatehouse-node
COPY --from=build /app/dist ./dist
COPY package.json ./
USER gatehouse
VOLUME ["/etc/gatehouse"]
EXPOSE 1812/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["gatehouse-node", "/app/dist/main.js", "health", "--config", "/etc/gatehouse/gatehouse.yaml"]
ENTRYPOINT ["gatehouse-node", "/app/dist/main.js"]
CMD ["run", "--config", "/etc/gatehouse/gatehouse.yaml"]
