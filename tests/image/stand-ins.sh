#!/usr/bin/env bash
# Stand-ins for the base images, where no image registry can be reached: made of Debian's packages and of the Python that
# runs here, and imported into the engine. As root, on Debian. They are like the real ones in what Sluice needs of them.
#
#   stand-ins.sh FOLDER "docker command" python:3.11-slim|postgres:18 …
set -euo pipefail
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")") folder=$(realpath -m "$1") engine=$2
shift 2
mkdir -p "$folder" && cd "$folder"
export DEBIAN_FRONTEND=noninteractive
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -nE 's/^URIs: *//p; s/^deb +(\[[^]]*\] +)?([^ ]+).*/\2/p' | grep '/debian/*$' | head -n 1 || true)
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; }

make_python() {
    rm -rf python
    debootstrap --variant=minbase \
        --include=ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8,zlib1g,libuuid1,libncursesw6,libgdbm6,libexpat1 \
        bookworm python "$mirror" >python.log
    prefix=$(python3.11 -c 'import sys; print(sys.base_prefix)')
    tar -C "$prefix" -c --exclude=site-packages --exclude=__pycache__ --exclude=python3.11/test --exclude='config-3.11*' \
        lib bin/python3.11 | tar -x -C python/usr/local
    mkdir -p python/usr/local/lib/python3.11/site-packages
    ln -sf python3.11 python/usr/local/bin/python3
    ln -sf python3 python/usr/local/bin/python
    chroot python ldconfig
    chroot python python -m ensurepip >/dev/null
    find python/usr/local -name __pycache__ -prune -exec rm -r {} +  # the real one is not compiled either
    # how this machine's pip reaches its registry
    cp /etc/ssl/certs/ca-certificates.crt python/etc/ssl/certs/
    { echo '[global]' && echo 'cert = /etc/ssl/certs/ca-certificates.crt' &&
        pip config list 2>/dev/null | sed -nE "s/^(global\.|:env:\.)(index-url|extra-index-url|proxy)='?([^']*)'?$/\2 = \3/p"; } >python/etc/pip.conf
}

make_postgres() {
    rm -rf postgres
    debootstrap --variant=minbase --include=ca-certificates,gosu sid postgres "$mirror" >postgres.log
    cp /etc/resolv.conf postgres/etc/
    mkdir -p postgres/etc/postgresql-common
    echo 'create_main_cluster = false' >postgres/etc/postgresql-common/createcluster.conf
    # its last step, which starts it, fails in a chroot; a mirror that stands still has a list that is too old
    chroot postgres sh -c 'apt-get -o Acquire::Check-Valid-Until=false update -qq && apt-get install -y -qq --no-install-recommends postgresql-18' >>postgres.log 2>&1 || true
    test -x postgres/usr/lib/postgresql/18/bin/postgres
    chroot postgres sh -c 'getent passwd postgres >/dev/null || useradd -r -d /var/lib/postgresql -s /bin/bash postgres
        install -d -o postgres -g postgres -m 1777 /var/lib/postgresql
        install -d -o postgres -g postgres -m 3777 /var/run/postgresql'
    install -m 755 "$here/postgres-entrypoint.sh" postgres/usr/local/bin/docker-entrypoint.sh
}

for image in "$@"; do
    case $image in
        python:3.11-slim)
            if ! [ -e python.done ]; then make_python; touch python.done; fi
            tar -C python -c . | $engine import --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
                --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' - "$image"
            ;;
        postgres:18)
            if ! [ -e postgres.done ]; then make_postgres; touch postgres.done; fi
            tar -C postgres -c . | $engine import \
                --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/18/bin' \
                --change 'ENV LANG=C.UTF-8' --change 'ENV PGDATA=/var/lib/postgresql/18/docker' --change 'VOLUME /var/lib/postgresql' \
                --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'STOPSIGNAL SIGINT' --change 'EXPOSE 5432' \
                --change 'CMD ["postgres"]' - "$image"
            ;;
        *) echo "there is no stand-in for $image" >&2 && exit 1 ;;
    esac
done
