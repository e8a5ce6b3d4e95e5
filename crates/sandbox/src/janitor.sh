# Ends processes and removes folders when its standard input ends. Reads lines:
#   make TEMPLATE           makes a folder (mktemp), answers "made PATH" or "error TEXT", and removes it at the end
#   adopt PATH              a folder that another one has made, to be removed, too
#   add PID SIGNAL START    a process that leads its group, how it is asked to end, and when it started (field 22 of its stat)
#   forget PID              it has ended
# A process identifier may be given to somebody else; together with the start it is unique.
trap '' HUP INT QUIT TERM PIPE TSTP USR1 USR2
export LC_ALL=C
processes=

# When process $1 started; nothing if there is none, or only what its parent has not yet waited for.
start_of() {
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
  # The name, in brackets, may contain anything.
  set -- ${line##*) }
  case $1 in Z | X) ;; *) printf '%s' "${20}" ;; esac
}

# Leaves in `processes` those that still run; false if none does.
some_run() {
  left=
  for one in $processes; do
    pid=${one%%:*}
    [ "$(start_of "$pid")" = "${one##*:}" ] && left="$left $one"
  done
  processes=$left
  [ -n "$processes" ]
}

# Sends signal $1 to the children of all processes: Postgres gives each a group of its own.
to_children() {
  parents=" "
  for one in $processes; do parents="$parents${one%%:*} "; done
  cat /proc/[0-9]*/stat 2>/dev/null |
    sed -n 's/^\([0-9]*\) (.*) [A-Za-z] \([0-9]*\) .*/\1 \2/p' |
    while read -r child parent; do
      case $parents in *" $parent "*) kill -s "$1" "$child" 2>/dev/null ;; esac
    done
}

# Kills all that has the folder's mark in its environment: what was started and not yet registered, and what left its group.
# False if nothing is found; what has ended has no environment.
kill_strays() {
  found=1
  for folder in "$@"; do
    for file in $(grep -lsF "TENFOLD_SANDBOX=$folder/" /proc/[0-9]*/environ); do
      stray=${file#/proc/}
      kill -s KILL "${stray%/environ}" 2>/dev/null
      found=0
    done
  done
  return "$found"
}

while read -r verb rest; do
  case $verb in
    make)
      if folder=$(mktemp -d "$rest" 2>&1) && chmod 711 "$folder"; then
        set -- "$@" "$folder"
        printf 'made %s\n' "$folder"
      else
        printf 'error %s\n' "$folder"
      fi
      ;;
    adopt)
      set -- "$@" "$rest"
      ;;
    add)
      # In this form there are no spaces in it, and it is one word of the list.
      pid=${rest%% *}
      rest=${rest#* }
      processes="$processes $pid:${rest% *}:${rest#* }"
      ;;
    forget)
      left=
      for one in $processes; do [ "${one%%:*}" = "$rest" ] || left="$left $one"; done
      processes=$left
      ;;
  esac
done

if some_run; then
  for one in $processes; do
    signal=${one#*:}
    signal=${signal%:*}
    group=-${one%%:*}
    kill -s "$signal" -- "$group" 2>/dev/null
    # What stands still hears it only when it goes on.
    kill -s CONT -- "$group" 2>/dev/null
  done
  to_children CONT
fi
tries=0
while some_run && [ "$tries" -lt "$PATIENCE" ]; do
  tries=$((tries + 1))
  # Whoever is only asked politely has nothing to lose here: a gateway would wait for clients that are ending, too.
  if [ "$tries" -eq "$MANNERS" ]; then
    for one in $processes; do
      case $one in *:TERM:*) kill -s KILL -- "-${one%%:*}" 2>/dev/null ;; esac
    done
  fi
  sleep 0.05
done
to_children KILL
for one in $processes; do kill -s KILL -- "-${one%%:*}" 2>/dev/null; done

# What is killed by SIGKILL leaves its segment of shared memory, which outlives all processes.
for folder in "$@"; do
  for file in "$folder"/*/postmaster.pid; do
    [ -f "$file" ] || continue
    ipcrm -m "$(sed -n '7s/.* //p' "$file")" 2>/dev/null
  done
done

# True if a folder is still there: something wrote into it while it was removed.
some_remain() {
  for folder in "$@"; do [ ! -e "$folder" ] || return 0; done
  return 1
}
tries=0
while kill_strays "$@" || some_run || { rm -rf -- "$@" 2>/dev/null; some_remain "$@"; }; do
  # What hangs in the kernel does not hear even SIGKILL.
  [ "$tries" -lt 100 ] || { rm -rf -- "$@" 2>/dev/null; break; }
  tries=$((tries + 1))
  sleep 0.02
done
exit 0
