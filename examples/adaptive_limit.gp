# examples/adaptive_limit.gp: plots what example_adaptive_limit prints; see there. data, picture: file names.
set terminal svg size 900,500 dynamic background "white"
set output picture
set title "A limit that follows the capacity of the backend"
set xlabel "seconds"
set ylabel "requests at a time"
set y2label "latency, ms"
set ytics nomirror
set y2tics
set yrange [0:*]
set y2range [0:*]
set key top left
plot data using 1:3 with steps lw 2 title "capacity", \
     data using 1:2 with steps lw 2 title "limit", \
     data using 1:4 axes x1y2 with lines dt 2 title "latency"
