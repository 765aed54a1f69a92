"use strict";
(() => {
  const night = JSON.parse(document.getElementById("night").textContent);
  const chart = document.querySelector(".chart");
  const readout = document.querySelector(".readout");
  const cursor = document.querySelector(".cursor");
  const plot = chart.querySelector("svg");
  const two = (n) => String(n).padStart(2, "0");
  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const i = Math.floor(share * night.stages.length);
    if (share < 0 || i >= night.stages.length) { hide(); return; }
    const minutes = (night.startMinutes + Math.floor((night.startSeconds + i * 30) / 60)) % 1440;
    const time = two(Math.floor(minutes / 60)) + ":" + two(minutes % 60);
    const stage = night.names[night.stages[i]] || "not scored";
    const sure = night.confidence[i] === null ? "" : " (" + night.confidence[i] + " %)";
    const final = night.final[i] === night.stages[i] ? "" : ", second pass " + night.names[night.final[i]];
    const lost = night.missing[i] ? ", " + night.missing[i] + " s lost" : "";
    readout.textContent = time + "  epoch " + i + ": " + stage + sure + final + lost;
    cursor.style.left = event.clientX - chart.getBoundingClientRect().left + "px";
    cursor.hidden = false;
  };
  const hide = () => { cursor.hidden = true; readout.textContent = readout.dataset.hint; };
  readout.dataset.hint = readout.textContent = "Point at the night to read an epoch.";
  chart.addEventListener("pointermove", show);
  chart.addEventListener("pointerdown", show);
  chart.addEventListener("pointerleave", hide);
})();
