// Pictures of people and rooms are small: square, and as PNG, which everybody shows.
import type { NewPicture } from "./model";

/** Pixels of a side. */
const SIDE = 192;

/** The middle of a picture, small enough for everybody. Throws when the browser cannot read it. */
export async function shrunk(file: Blob): Promise<NewPicture> {
  const bitmap = await createImageBitmap(file);
  const side = Math.min(bitmap.width, bitmap.height);
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  bitmap.close();
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { mediaType: "image/png", width: SIDE, height: SIDE, data: btoa(text) };
}
