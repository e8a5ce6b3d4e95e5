-- Begins a new epoch if that of ARGV[1], which was found to have lost something, or one before it is the current one.
local epoch, lost = epoch_now(), tonumber(ARGV[1])
if not epoch or tonumber(epoch) <= lost then epoch = begin(lost) end
return epoch
