#compdef snap pgsnap
# Completion of snap for zsh: save as _snap in a directory of $fpath, or source it after compinit.

_snap() {
  local -a lines values displays typed
  local line kind

  # Quotes are taken off; of the word at the cursor, only what is before the cursor counts.
  typed=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
  lines=("${(@f)$("${words[1]/#\~/$HOME}" __complete zsh -- "${typed[@]}" 2>/dev/null)}")
  kind=${lines[1]}
  shift lines

  case $kind in
    files) _files; return ;;
    directories) _files -/; return ;;
    words | unfinished) ;;
    *) return 1 ;;
  esac

  local -i width=0
  for line in "${lines[@]}"; do
    values+=("${line%%$'\t'*}")
    ((${#values[-1]} > width)) && width=${#values[-1]}
  done
  for line in "${lines[@]}"; do
    if [[ $line == *$'\t'* ]]; then
      displays+=("${(r:width:)${line%%$'\t'*}}  -- ${line#*$'\t'}")
    else
      displays+=("$line")
    fi
  done
  ((${#values})) || return 1

  local -a options
  [[ $kind == unfinished ]] && options+=(-S '')
  [[ ${(M)lines:#*$'\t'*} ]] && options+=(-l)
  compadd "${options[@]}" -d displays -a values
}

if [[ ${funcstack[1]} == _snap ]]; then _snap "$@"; else compdef _snap snap pgsnap; fi
