# examples/fair_or_fast.gp: plots what example_fair_or_fast prints; see there. data, picture: file names.
set terminal svg size 900,500 dynamic background "white"
set output picture
set title "Eight threads, one mutex: how many newcomers may overtake"
set xlabel "bound (0 is strict; drawn at 0.5)"
set ylabel "sections a millisecond"
set y2label "wait, us"
set logscale x 4
set logscale y 10
set logscale y2 10
set ytics nomirror
set y2tics
set format y2 "%g"
set key outside top center horizontal
bound(b) = b == 0 ? 0.5 : b
us(t) = t < 0.05 ? 0.05 : t # a logarithmic axis has no 0
plot data using (bound($1)):2:3:4 with yerrorlines lw 2 title "sections", \
     data using (bound($1)):(us($5)):(us($6)):(us($7)) axes x1y2 with yerrorlines lw 2 dt 3 title "p99.9 wait", \
     data using (bound($1)):(1000 * $8):(1000 * $9):(1000 * $10) axes x1y2 with yerrorlines lw 2 dt 2 title "longest wait"
