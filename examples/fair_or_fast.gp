# examples/fair_or_fast.gp: plots what example_fair_or_fast prints; see there. data, picture: file names.
set terminal svg size 900,500 dynamic background "white"
set output picture
set title "Eight threads, one mutex: how many newcomers may overtake"
set xlabel "bound (0 is strict; drawn at 0.5)"
set ylabel "sections a millisecond"
set y2label "longest wait, ms"
set logscale x 4
set ytics nomirror
set y2tics
set yrange [0:*]
set y2range [0:*]
set key top left
plot data using ($1 == 0 ? 0.5 : $1):2 with linespoints lw 2 title "sections", \
     data using ($1 == 0 ? 0.5 : $1):3 axes x1y2 with linespoints dt 2 title "longest wait"
