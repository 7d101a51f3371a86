#!/bin/sh
# Stands in for `go` in test_servers.py: it answers `env`, and "builds" scripts in the place of programs.
# GO_SAYS is its version, GO_FAILS what it prints before it fails, GO_SPOILS a file that it appends to,
# GO_OMITS a program that it leaves out, GO_TAKES seconds.
if [ "$1" = env ]; then
  printf '%s\nlinux\namd64\n' "${GO_SAYS:-go1.26.8}"
  exit
fi
module=$(sed -n 's/^module //p' go.mod)
echo "$1 ${module##*/}" >> "$GO_CALLS"
sleep "${GO_TAKES:-0}"
if [ -n "$GO_FAILS" ] && [ "${module##*/}" != builder ]; then
  printf 'go: downloading something\n%s\n' "$GO_FAILS"
  exit 1
fi
[ -z "$GO_SPOILS" ] || echo >> "$GO_SPOILS"
if [ "$1" = list ]; then
  echo "// resolved" >> go.mod
  echo "h1:resolved" >> go.sum
  exit
fi
while [ "$1" != -o ]; do shift; done
case "${module##*/}" in
  otelcol) programs=$2 ;;
  prometheus) programs="$2/prometheus $2/promtool" ;;
  alertmanager) programs="$2/alertmanager $2/amtool" ;;
  manifests) programs="$2/kustomize $2/cmd" ;;
  *) programs="$2/${module##*/}" ;;
esac
for program in $programs; do
  [ "${program##*/}" != "$GO_OMITS" ] || continue
  # As the collector's builder it has to write the sources, and go.mod where that is asked for.
  printf '#!/bin/sh\ntouch main.go; case "$*" in *get-modules*) ;; *) echo "module x/otelcol" > go.mod ;; esac\n' > "$program"
  chmod +x "$program"
done
