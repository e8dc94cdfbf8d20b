"use strict";
// Clips of a case are one video, so nothing can drift: its tiles are drawn to canvases as each frame comes.
(() => {
  document.documentElement.classList.add("js");

  const make = (name, options = {}, ...children) => {
    const element = Object.assign(document.createElement(name), options);
    element.append(...children);
    return element;
  };
  const slider = (text, options) => {
    const input = make("input", { type: "range", ...options });
    return [make("label", {}, text, input), input];
  };

  function player(figure) {
    const image = figure.querySelector("img");
    const video = figure.querySelector("video");
    const places = JSON.parse(figure.dataset.places);
    const names = JSON.parse(figure.dataset.names);
    const [wide, high] = JSON.parse(figure.dataset.tile);
    const frames = Number(figure.dataset.frames);
    const rate = Number(figure.dataset.rate);
    const tiles = [];
    let frame = Number(figure.dataset.still);
    let picture = image;
    const copy = document.createElement("canvas"); // of the video's frame that is shown
    let middle = [0.5, 0.5];
    let waiting = null; // the frame that a seek under way is for

    const strips = make("div", { className: "strips", tabIndex: 0 });
    strips.style.maxWidth = `${places.length * 430}px`; // few strips stand beside each other, too
    strips.setAttribute("role", "group");
    strips.setAttribute("aria-label", "Clips side by side. Space plays, arrow keys step.");
    places.forEach(([x, y], index) => {
      const strip = make("div", { className: "strip" }, make("p", { textContent: names[index] }));
      const kinds = index ? ["picture", "zoom box", "difference"] : ["picture", "zoom box"];
      kinds.forEach((kind, row) => {
        const canvas = make("canvas", { width: wide, height: high });
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${names[index]}: ${kind}`);
        tiles.push({ canvas, x, y: y + row * high, row, source: index === 0 });
        strip.append(canvas);
      });
      strips.append(strip);
    });

    const play = make("button", { type: "button", textContent: "Play" });
    const back = make("button", { type: "button", textContent: "◀", title: "one frame back" });
    const on = make("button", { type: "button", textContent: "▶", title: "one frame on" });
    back.setAttribute("aria-label", "One frame back");
    on.setAttribute("aria-label", "One frame on");
    const [seekLabel, seek] = slider("frame", { min: 0, max: frames - 1, step: 1, value: frame });
    seekLabel.className = "seek";
    const [wipeLabel, wipe] = slider("wipe to source", { min: 0, max: 100, step: 1, value: 0 });
    const [magnifyLabel, magnify] = slider("magnify", { min: 1, max: 6, step: 0.25, value: 1 });
    const speed = make("select", {}, ...["1", "0.5", "0.25"].map((value) => make("option", { value, textContent: `${value}×` })));
    const told = make("output", {});
    const speedLabel = make("label", { className: "speed" }, "speed", speed);
    const controls = make("div", { className: "controls" }, play, back, on, seekLabel, told, speedLabel, wipeLabel, magnifyLabel);
    figure.prepend(strips, controls);

    function draw() {
      const times = Number(magnify.value);
      const [part, partHigh] = [wide / times, high / times];
      const left = middle[0] * (wide - part);
      const top = middle[1] * (high - partHigh);
      const cut = (Number(wipe.value) / 100) * wide;
      for (const tile of tiles) {
        const context = tile.canvas.getContext("2d");
        context.imageSmoothingEnabled = times < 3;
        context.drawImage(picture, tile.x + left, tile.y + top, part, partHigh, 0, 0, wide, high);
        if (cut && !tile.source && tile.row < 2) {
          const [x, y] = places[0];
          context.drawImage(picture, x + left, y + tile.row * high + top, cut / times, partHigh, 0, 0, cut, high);
          context.fillStyle = "#fff";
          context.fillRect(cut - 1, 0, 2, high);
        }
      }
      told.value = `${frame + 1} of ${frames}`;
      seek.value = frame;
      figure.dataset.frame = frame;
    }

    function drawVideo(seconds) {
      // A playing video may go on between two tiles, so they are all drawn from one copy.
      if (copy.width !== video.videoWidth) Object.assign(copy, { width: video.videoWidth, height: video.videoHeight });
      copy.getContext("2d").drawImage(video, 0, 0);
      picture = copy;
      frame = Math.min(frames - 1, Math.max(0, Math.floor(seconds * rate + 0.01)));
      draw();
    }

    function watch() {
      if (video.requestVideoFrameCallback) {
        video.requestVideoFrameCallback((now, shown) => {
          drawVideo(shown.mediaTime);
          watch();
        });
      } else {
        requestAnimationFrame(() => {
          if (video.readyState > 1) drawVideo(video.currentTime);
          watch();
        });
      }
    }

    function load() {
      if (video.dataset.loaded) return;
      video.dataset.loaded = "yes";
      const [head, content] = video.src.split(",");
      const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
      video.src = URL.createObjectURL(new Blob([bytes], { type: head.slice(5).split(";")[0] })); // Safari plays no data: video
      video.preload = "auto";
      watch();
    }

    function go(wanted) {
      load();
      video.pause();
      wanted = (wanted + frames) % frames;
      const busy = waiting !== null;
      waiting = wanted;
      frame = wanted;
      if (!busy) video.currentTime = (wanted + 0.5) / rate;
      told.value = `${wanted + 1} of ${frames}`;
    }
    video.addEventListener("seeked", () => {
      const reached = Math.floor(video.currentTime * rate);
      if (waiting !== null && waiting !== reached) video.currentTime = (waiting + 0.5) / rate;
      else {
        waiting = null;
        drawVideo(video.currentTime); // a paused video's frame may come between two of its callbacks
      }
    });

    function toggle() {
      load();
      if (!video.paused) return video.pause();
      if (picture === image) video.currentTime = (frame + 0.5) / rate;
      video.playbackRate = Number(speed.value);
      return video.play().catch(() => {});
    }

    play.addEventListener("click", toggle);
    back.addEventListener("click", () => go(frame - 1));
    on.addEventListener("click", () => go(frame + 1));
    seek.addEventListener("input", () => go(Number(seek.value)));
    speed.addEventListener("change", () => { video.playbackRate = Number(speed.value); });
    wipe.addEventListener("input", draw);
    magnify.addEventListener("input", () => {
      strips.classList.toggle("magnified", Number(magnify.value) > 1);
      draw();
    });
    for (const event of ["play", "pause"]) {
      video.addEventListener(event, () => { play.textContent = video.paused ? "Play" : "Pause"; });
    }
    strips.addEventListener("keydown", (event) => {
      const actions = { " ": toggle, ArrowLeft: () => go(frame - 1), ArrowRight: () => go(frame + 1) };
      if (event.target !== strips || !actions[event.key]) return;
      event.preventDefault();
      actions[event.key]();
    });
    strips.addEventListener("pointermove", (event) => {
      if (!event.buttons || Number(magnify.value) <= 1) return;
      const shift = [event.movementX, event.movementY].map((moved) => moved / event.target.clientWidth / (Number(magnify.value) - 1));
      middle = middle.map((place, axis) => Math.min(1, Math.max(0, place - shift[axis] * (axis ? wide / high : 1))));
      draw();
    });
    image.loading = "eager"; // it is not shown itself, so it would never come
    image.decode().then(draw, () => {});
    return video;
  }

  // What is far from the screen costs nothing yet, and what leaves it stops.
  const players = new Map();
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && !players.has(target)) players.set(target, player(target));
      else if (!isIntersecting && players.has(target)) players.get(target).pause();
    }
  }, { rootMargin: "600px" });
  document.querySelectorAll("figure.clips").forEach((figure) => seen.observe(figure));

  const form = document.querySelector("form.tools");
  const gallery = document.getElementById("gallery");
  const articles = [...gallery.children];
  const value = (article) => (JSON.parse(article.dataset.values)[form.method_.value] || {})[form.measure.value];
  function sort() {
    const up = form.measure.selectedOptions[0].dataset.better === "up";
    const sign = up === form.reverse.checked ? -1 : 1;
    const keyed = articles.map((article) => [article, value(article)]);
    keyed.sort(([, one], [, other]) => {
      if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
      return sign * (one - other);
    });
    gallery.append(...keyed.map(([article]) => article));
  }
  if (articles.length && form.measure.options.length) {
    form.hidden = false;
    form.addEventListener("change", sort);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
})();
