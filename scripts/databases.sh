#!/usr/bin/env bash
# databases.sh run COMMAND [ARGUMENT...]
#
# Runs COMMAND with a Postgres and a MariaDB at hand. They are, in this order:
#   1. what TEST_POSTGRES and TEST_MYSQL (connection strings, as the server's
#      setting database.connection takes them) already say,
#   2. servers that run on 127.0.0.1: Postgres on TEST_PG_PORT (5432) for the user
#      postgres, MariaDB on TEST_MYSQL_PORT (3306) for root, both without password,
#   3. throwaway servers, started here from installed programs, which root on
#      Debian gets by apt (TEST_INSTALL=no: never).
# COMMAND finds both variables set; one that could not be had is set to "none",
# and a line that starts with NOT RUN says so in the end. With CI set that is an
# error instead, and COMMAND does not run.
#
# What was started here is stopped, by its process id, and its folder is removed,
# whether COMMAND ends, fails or is interrupted. The exit status is COMMAND's.
set -euo pipefail

usage() {
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
}
if [ "${1:-}" != run ] || [ $# -lt 2 ]; then usage; fi
shift

here=$(cd "$(dirname "$0")" && pwd)
folder=   # of the throwaway servers; made when the first one starts
servers=() # their process ids
child=    # COMMAND's process id, which is its process group's too
missing=() # lines for the end

say() { echo "databases: $*" >&2; }

# --- endings -----------------------------------------------------------------

alive() { kill -0 "$1" 2>/dev/null; }

# await SECONDS COMMAND...: until COMMAND succeeds; fails when the time is over.
await() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

gone() { ! alive "$1"; }

clean_up() {
	local status=$? pid
	trap '' INT TERM HUP
	# SIGINT is "fast shutdown" to Postgres: it does not wait for clients that
	# are still connected. SIGTERM means the same to MariaDB.
	for pid in "${servers[@]}"; do kill -INT "$pid" 2>/dev/null || true; done
	for pid in "${servers[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
	for pid in "${servers[@]}"; do
		await 10 gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	if [ -n "$folder" ]; then rm -rf "$folder"; fi
	exit "$status"
}
trap clean_up EXIT

# interrupted SIGNAL NUMBER: passes the signal on to all of COMMAND's processes.
interrupted() {
	trap '' INT TERM HUP
	if [ -n "$child" ]; then
		kill -s "$1" -- "-$child" 2>/dev/null || true
		await 20 gone "$child" || true
		kill -KILL -- "-$child" 2>/dev/null || true
	fi
	exit $((128 + $2))
}
trap 'interrupted INT 2' INT
trap 'interrupted TERM 15' TERM
trap 'interrupted HUP 1' HUP

# start COMMAND...: in the background and in a process group of its own, so that a
# Ctrl-C in the terminal reaches this script only. Leaves the process id in $started.
start() {
	set -m
	"$@" </dev/null &
	started=$!
	set +m
}

# --- asking and starting -------------------------------------------------------

postgres_answers() {
	PGCONNECT_TIMEOUT=3 psql -w -X -q -h 127.0.0.1 -p "$1" -U postgres -d postgres -c 'SELECT 1' >/dev/null 2>&1
}

mariadb_answers() {
	local client
	client=$(command -v mariadb || command -v mysql) || return 1
	"$client" --no-defaults --protocol=tcp --connect-timeout=3 -h 127.0.0.1 -P "$1" -u root -e 'SELECT 1' >/dev/null 2>&1
}

# as USER COMMAND...: runs COMMAND as USER, when this is root and a server would
# refuse to run as root. Replaces the shell, so that a process id stays true.
as() {
	local user=$1
	shift
	cd / # the user may not be allowed to enter the folder we are in
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@"
	fi
	exec "$@"
}

# room NAME USER: makes the folder of one server and sets $room. It lies in /tmp
# because the path of a Unix socket must be shorter than 108 characters.
room() {
	if [ -z "$folder" ]; then
		folder=$(mktemp -d /tmp/carillon-databases.XXXXXX)
		chmod 711 "$folder"
	fi
	room=$folder/$1
	mkdir -m 700 "$room"
	if [ "$(id -u)" = 0 ]; then chown "$2" "$room"; fi
}

owner() { if id "$1" >/dev/null 2>&1; then echo "$1"; else echo nobody; fi; }

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port prints one nobody listens on, below the range the system gives out.
free_port() {
	local port
	while port=$((RANDOM % 12000 + 20000)); taken "$port"; do :; done
	echo "$port"
}

# ready NAME PID PORT: waits until the server answers.
ready() {
	servers+=("$2")
	answers_or_ended() { gone "$2" || "$1_answers" "$3"; }
	if await 60 answers_or_ended "$@" && alive "$2"; then return 0; fi
	say "$1 did not start:"
	tail -n 20 "$room/log" >&2
	return 1
}

start_postgres() {
	local port bin user
	"$here/need.sh" initdb postgresql || return 1
	bin=$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
	bin=$(dirname "$(readlink -f "$bin")")
	user=$(owner postgres)
	port=$(free_port)
	room postgres "$user"
	# No fsync: what these servers hold need not outlive a power cut.
	(as "$user" "$bin/initdb" -D "$room/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync) >"$room/log" 2>&1 ||
		{ tail -n 20 "$room/log" >&2; return 1; }
	start as "$user" "$bin/postgres" -D "$room/data" -p "$port" -k "$room" -c listen_addresses=127.0.0.1 \
		-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 >>"$room/log" 2>&1
	ready postgres "$started" "$port" || return 1
	postgres_port=$port
}

start_mariadb() {
	local port user
	"$here/need.sh" mariadbd mariadb-server || return 1
	user=$(owner mysql)
	port=$(free_port)
	room mariadb "$user"
	(as "$user" mariadb-install-db --no-defaults --datadir="$room/data" \
		--auth-root-authentication-method=normal --skip-test-db) >"$room/log" 2>&1 ||
		{ tail -n 20 "$room/log" >&2; return 1; }
	start as "$user" "$(PATH="$PATH:/usr/sbin" command -v mariadbd)" --no-defaults --datadir="$room/data" \
		--socket="$room/s" --pid-file="$room/pid" --port="$port" --bind-address=127.0.0.1 --skip-name-resolve \
		--max-connections=300 --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite >>"$room/log" 2>&1
	ready mariadb "$started" "$port" || return 1
	mariadb_port=$port
}

# have NAME PORT PROGRAM PACKAGE: leaves the port of a running or a started server
# in NAME_port.
have() {
	local why
	if "$1_answers" "$2"; then
		printf -v "$1_port" %s "$2"
	elif "start_$1"; then
		say "started a throwaway $1"
	else
		# Asked once more, need.sh says in one line how to get the program.
		why=$(TEST_INSTALL=no "$here/need.sh" "$3" "$4" 2>&1) && why="the one started here failed, see above"
		missing+=("NOT RUN: the tests on $1: none answers on 127.0.0.1:$2; $why")
		return 1
	fi
}

# --- the story -------------------------------------------------------------------

if [ -z "${TEST_POSTGRES:-}" ]; then
	TEST_POSTGRES=none
	if have postgres "${TEST_PG_PORT:-5432}" initdb postgresql; then
		TEST_POSTGRES="host=127.0.0.1 port=$postgres_port user=postgres dbname=postgres sslmode=disable"
	fi
fi
if [ -z "${TEST_MYSQL:-}" ]; then
	TEST_MYSQL=none
	if have mariadb "${TEST_MYSQL_PORT:-3306}" mariadbd mariadb-server; then
		TEST_MYSQL="root@tcp(127.0.0.1:$mariadb_port)/"
	fi
fi
export TEST_POSTGRES TEST_MYSQL

if [ -n "${CI:-}" ] && [ ${#missing[@]} -gt 0 ]; then
	printf '%s\n' "${missing[@]}" >&2
	say "CI must run every dialect"
	exit 1
fi

start "$@"
child=$started
status=0
wait "$child" || status=$?
child=
for line in "${missing[@]}"; do echo "$line" >&2; done
exit "$status"
