# Completion of snap for fish: save as ~/.config/fish/completions/snap.fish, where it goes before
# what fish brings for another program of that name.

function __snap_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' -- $HOME $before[1])
    set -l lines ($program __complete fish -- $before[2..-1] "$current" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case directories
            __fish_complete_directories "$current"
        case words unfinished
            printf '%s\n' $lines[2..-1]
    end
end

complete -c snap -f -a '(__snap_complete)'
complete -c pgsnap -f -a '(__snap_complete)'
