# Completion of snap for bash 3.2 and newer: eval "$(snap completion bash)"

_snap() {
  local rest=${COMP_LINE:0:COMP_POINT} stripped words=() i

  # Bash cuts words at the characters of COMP_WORDBREAKS, a colon and '=' among them. What no blank
  # stands between is one word for snap.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    stripped=${rest#"${rest%%[![:space:]]*}"}
    if ((i == COMP_CWORD)); then
      # The cursor may stand within a word; what is behind it does not count.
      if ((i > 0)) && [[ $stripped == "$rest" ]]; then words[${#words[@]} - 1]+=$stripped; else words+=("$stripped"); fi
    elif ((i > 0)) && [[ $stripped == "$rest" ]]; then
      words[${#words[@]} - 1]+=${COMP_WORDS[i]}
    else
      words+=("${COMP_WORDS[i]}")
    fi
    rest=${stripped#"${COMP_WORDS[i]}"}
  done

  local current=${words[${#words[@]} - 1]} kind= line replies=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else replies+=("$line"); fi
  done < <("${words[0]/#\~/$HOME}" __complete bash -- "${words[@]:1}" 2>/dev/null)

  case $kind in
    files) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null; return ;;
    directories) COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames 2>/dev/null; return ;;
    unfinished) compopt -o nospace 2>/dev/null ;;
  esac

  # Bash replaces only what follows the last of its word breaks; quotes and blanks within a word are
  # escaped, and break nothing.
  local prefix= breaks=${COMP_WORDBREAKS//[\"\'[:space:]]/}
  if [[ $current != [\'\"]* && -n $breaks ]]; then prefix=${current%"${current##*[$breaks]}"}; fi
  COMPREPLY=()
  for line in ${replies[@]+"${replies[@]}"}; do COMPREPLY+=("${line#"$prefix"}"); done
}

complete -F _snap snap pgsnap
