# examples/waits.gp: plots the histogram of waits of an example server; see plot_waits.py. data, picture: file names.
set terminal svg size 900,500 dynamic background "white"
set output picture
set title "How long requests waited for a permit"
set xlabel "up to, microseconds"
set ylabel "waits"
set logscale x 2
set yrange [0:*]
set style fill solid 0.6
set boxwidth 0.8 relative
set key top left
plot data using ($1 / 1000.0):2 with boxes title "waits for a permit"
